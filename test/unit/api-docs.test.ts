// docs/api is made from the docstrings: it has to be up to date, and a public name without a docstring has to fail.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { packageRoot } from "../../src/package.ts";

const root = packageRoot();

function check(folder: string): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, "scripts/api-docs.js"), "--check"], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
    );
  });
}

/** Checks a copy of the sources in which one text of one file is another. */
async function checkChanged(file: string, from: string, to: string): Promise<{ code: number; said: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-api-"));
  try {
    for (const part of ["src", "scripts", "docs/api"])
      await cp(join(root, part), join(folder, part), { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const text = await readFile(join(folder, file), "utf8");
    expect(text).toContain(from);
    await writeFile(join(folder, file), text.replace(from, to));
    return await check(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("docs/api", () => {
  test("is what the docstrings say", async () => {
    const { code, said } = await check(root);
    expect(code, said).toBe(0);
  });

  test("has an entry for every value that the library exports", async () => {
    const page = await readFile(join(root, "docs/api/README.md"), "utf8");
    const listed = [...page.matchAll(/^\| \[`([^`]+)`\]/gm)].map(([, name]) => name?.split(".")[0]);
    expect(Object.keys(library).filter((name) => name !== "z" && !listed.includes(name))).toEqual([]);
  });

  test("links to headings that are there", async () => {
    const folder = join(root, "docs/api");
    const pages = new Map<string, { links: string[]; anchors: Set<string> }>();
    for (const name of await readdir(folder)) {
      const text = (await readFile(join(folder, name), "utf8")).replace(/^```[\s\S]*?^```/gm, "");
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, words = ""]) =>
        words.toLowerCase().replace(/[^\w -]/g, ""),
      );
      const anchors = headings.map((words, at) => {
        const before = headings.slice(0, at).filter((other) => other === words).length;
        return before === 0 ? words : `${words}-${before}`;
      });
      const links = [...text.matchAll(/\]\(([\w-]+\.md)?#([^)]+)\)/g)].map(([, page = name, to]) => `${page}#${to}`);
      pages.set(name, { links, anchors: new Set(anchors.map((words) => `${name}#${words}`)) });
    }
    const links = [...pages.values()].flatMap((page) => page.links);
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((link) => !pages.get(link.split("#")[0] ?? "")?.anchors.has(link))).toEqual([]);
  });

  test("fails when a docstring changed", async () => {
    const { code, said } = await checkChanged("src/stages/attempts.ts", "independent Attempts", "Attempts");
    expect(code).toBe(1);
    expect(said).toContain("got other text in stages.md, README.md: run `npm run docs:api`");
  });

  test("fails for a public name without a docstring", async () => {
    const { code, said } = await checkChanged(
      "src/stages/attempts.ts",
      "/** One Task becomes `k` independent Attempts. */",
      "",
    );
    expect(code).toBe(1);
    expect(said).toContain("src/stages/attempts.ts: `attempts` is public and has no docstring");
  });

  test("fails when a public name shows a type that cannot be imported", async () => {
    const { code, said } = await checkChanged("src/index.ts", "export { type Bound, screen }", "export { screen }");
    expect(code).toBe(1);
    expect(said).toContain("`screen` shows the type `Bound`, which src/index.ts does not export");
  });
});
