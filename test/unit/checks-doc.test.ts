import { readdirSync, readFileSync } from "node:fs";
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

test("the table of rules names every rule that the code can tell, once, and no other", () => {
  const code = readdirSync(join(root, "src/exports"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  const literal = new RegExp(`"(${ruleId.source})"`, "g");
  const told = new Set(code.flatMap((text) => [...text.matchAll(literal)].map(([, id]) => id)));
  expect(told.size).toBeGreaterThan(80);
  expect(firstCells("Rules").sort()).toEqual([...told].sort());
});

test("the table of targets names every target, once, and no other", () => {
  const named = firstCells("Targets").flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(named.sort()).toEqual(targets.map(({ name }) => name).sort());
});
