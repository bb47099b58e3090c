import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { targets } from "../../src/exports/targets.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/checks.md"), "utf8");
const ruleId = /[A-Z]{2}-(?:R\d+|SUFFIX)|C\d+|MORE|LENGTH/;

/** The first cells of the table under a heading. */
function firstCells(heading: string): string[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/^\| ([^|]+?) \|/gm)]
    .map(([, cell = ""]) => cell)
    .filter((cell) => !/^(?:---|rule|target)$/.test(cell));
}

function idsIn(folder: string, pattern: RegExp): (string | undefined)[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .flatMap((text) => [...text.matchAll(pattern)].map(([, id]) => id));
}

test("the table of rules names every rule that the code can tell, once, and no other", () => {
  const literals = idsIn("src/exports", new RegExp(`"(${ruleId.source})"`, "g"));
  // Whoever tunes tells a job's settings in a sentence, with the rule's number in it.
  const named = idsIn("src/tuners", /\b([A-Z]{2}-R\d+)\b/g);
  const told = new Set([...literals, ...named]);
  expect(told.size).toBeGreaterThan(80);
  expect(firstCells("Rules").sort()).toEqual([...told].sort());
});

test("the table of targets names every target, once, and no other", () => {
  const named = firstCells("Targets").flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(named.sort()).toEqual(targets.map(({ name }) => name).sort());
});
