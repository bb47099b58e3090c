import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/read.ts";
import { applySet } from "../../src/config/set.ts";
import { UsageError } from "../../src/domain/errors.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-config-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function read(text: string) {
  const path = join(folder, "c.yaml");
  await writeFile(path, text);
  return readConfig(path);
}

describe("readConfig", () => {
  it("reads YAML with shared anchors, and keeps its text", async () => {
    const text = "models:\n  a: &m { t: 0.8, stop: [x, yes] }\n  b: *m\n";
    const file = await read(text);
    expect(file.value).toEqual({ models: { a: { t: 0.8, stop: ["x", "yes"] }, b: { t: 0.8, stop: ["x", "yes"] } } });
    expect(file.text).toBe(text);
  });

  it.each([
    ["a key given twice", "a: 1\nb:\n  c: 1\n  c: 2\n", /c\.yaml:4:3: .*unique/],
    ["broken YAML", "a: [1, 2\nb: 3\n", /c\.yaml:\d+:\d+:/],
    ["tabs for indentation", "a:\n\tb: 1\n", /c\.yaml:2:1:.*[Tt]ab/],
    ["an unknown tag", "a: !!js/function 'x'\n", /c\.yaml:1:4: .*tag/],
    ["two documents", "a: 1\n---\nb: 2\n", /c\.yaml:2:1:/],
    ["an alias without anchor", "a: *nope\n", /nope/],
    ["an anchor that contains itself", "a: &a\n  b: *a\n", /contain its own alias/],
    [
      "aliases that unfold without end",
      `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`).join("\n")}\n`,
      /alias/i,
    ],
    ["a list", "- a\n- b\n", /got a list/],
    ["nothing", "# only a comment\n", /got nothing/],
  ])("refuses %s, saying where", async (_, text, message) => {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });

  it("says which file is missing", async () => {
    await expect(readConfig(join(folder, "none.yaml"))).rejects.toThrow(/none\.yaml/);
  });
});

describe("applySet", () => {
  const config = { a: { b: 1, c: [1, 2] }, d: "x" };

  it.each<[string, unknown]>([
    ["a.b=2", { ...config, a: { b: 2, c: [1, 2] } }],
    ["a.b=text = with equals", { ...config, a: { b: "text = with equals", c: [1, 2] } }],
    ["a.c.1=7", { ...config, a: { b: 1, c: [1, 7] } }],
    ["a.c.2=7", { ...config, a: { b: 1, c: [1, 2, 7] } }],
    ["a.c=[x.csv, y.csv]", { ...config, a: { b: 1, c: ["x.csv", "y.csv"] } }],
    ["new.deep=true", { ...config, new: { deep: true } }],
    ["d='8'", { ...config, d: "8" }],
    ["d=", { ...config, d: null }],
    ['a."x.y=z".w=1', { ...config, a: { b: 1, c: [1, 2], "x.y=z": { w: 1 } } }],
    ['a."b"={ deep: [1, "two"] }', { ...config, a: { b: { deep: [1, "two"] }, c: [1, 2] } }],
  ])("%s", (assignment, expected) => {
    expect(applySet(config, assignment)).toEqual(expected);
  });

  it("leaves the value it was given alone", () => {
    const before = structuredClone(config);
    applySet(config, "a.c.0=9");
    expect(config).toEqual(before);
  });

  it.each([
    "a.b",
    "=1",
    "a..b=1",
    "d.e=1",
    "a.c.9=1",
    "a.c.x=1",
    "a.b=[1",
    "__proto__.x=1",
    'a."b=1',
    '"__proto__".x=1',
  ])("refuses %s", (assignment) => {
    expect(() => applySet(config, assignment)).toThrow(UsageError);
  });
});
