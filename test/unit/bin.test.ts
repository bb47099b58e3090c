import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/package.ts";

// No old Node is at hand here, so what has to hold for one is looked at in the sources; test/bad-input shows the message.
const source = readFileSync(join(packageRoot(), "src/bin.ts"), "utf8");

test("what a user starts loads nothing before it has looked at Node's version", () => {
  expect(source).toContain('await import("./cli.ts")');
  expect(source).not.toMatch(/^import\b|^export .* from\b/m);
});

test("it refuses what package.json's engines leave out", () => {
  const { engines, bin } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  expect(bin.tracemill).toBe("dist/src/bin.js");
  const [, major, minor] = /\[oldestMajor, oldestMinor\] = \[(\d+), (\d+)\]/.exec(source) ?? [];
  expect(`>=${major}.${minor}.0`).toBe(engines.node);
});
