import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
].sort();

/** Where the links of a Markdown text lead, code left out: inline links, images and reference definitions. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const definitions = [...prose.matchAll(/^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?/gm)];
  return [...inline, ...definitions].map((match) => match[1] ?? "");
}

describe("links in the docs", () => {
  test("there are pages with links to look at", () => {
    expect(pages).toContain("AGENTS.md");
    expect(pages.flatMap((page) => linksOf(readFileSync(join(root, page), "utf8"))).length).toBeGreaterThan(3);
  });

  test("a link is found inline, as an image and as a definition, and not in code", () => {
    const text =
      '[a](one.md) ![b](<two.png> "title")\n[c]: three.md\n`[d](no.md)`\n```\n[e](no.md)\n```\n[f](four.md#part)';
    expect(linksOf(text)).toEqual(["one.md", "two.png", "four.md#part", "three.md"]);
  });

  test.each(pages)("every relative link of %s leads to a file of the repository", (page) => {
    const broken = linksOf(readFileSync(join(root, page), "utf8"))
      .filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link) && !link.startsWith("#"))
      .filter((link) => {
        const target = join(root, dirname(page), decodeURIComponent(link.split("#")[0] ?? ""));
        return relative(root, target).startsWith("..") || !existsSync(target);
      });
    expect(broken).toEqual([]);
  });
});
