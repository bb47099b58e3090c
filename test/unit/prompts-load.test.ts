import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { loadPrompt } from "../../src/prompts/load.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-prompts-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function prompt(text: string) {
  await writeFile(join(folder, "prompt.md"), text);
  return loadPrompt(join(folder, "prompt.md"));
}

describe("loadPrompt", () => {
  it("loads every prompt of the package", async () => {
    const files = (await readdir("prompts", { recursive: true })).filter((path) => path.endsWith(".md"));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const { path, text, hash } = await loadPrompt(file);
      expect(isAbsolute(path)).toBe(true);
      expect(text.length).toBeGreaterThan(0);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("has one identity for one text, however its lines end", async () => {
    const unix = await prompt("a\n{{b}}\n");
    const windows = await prompt("a\r\n{{b}}\r\n\r\n");
    expect(windows.text).toBe("a\n{{b}}");
    expect(windows.hash).toBe(unix.hash);
    expect((await prompt("a\n{{c}}\n")).hash).not.toBe(unix.hash);
  });

  it("lists its variables once each, sorted", async () => {
    expect((await prompt("{{z}} {{a_1}} {{z}} {one} }}")).variables).toEqual(["a_1", "z"]);
  });

  it("refuses braces that name nothing, with the line", async () => {
    await expect(prompt("fine\n{{ name }}")).rejects.toThrow(/prompt\.md`, line 2, got `\{\{ name \}\}`/);
    await expect(prompt("{{a.b}}")).rejects.toThrow(UsageError);
  });

  it("says which file is missing", async () => {
    await expect(loadPrompt("agent/no-such.md")).rejects.toThrow(/prompts\/agent\/no-such\.md/);
  });
});

describe("render", () => {
  it("puts values in as they are and never reads them again", async () => {
    const { render } = await prompt("[{{a}}][{{b}}][{{a}}]");
    expect(render({ a: "{{b}} $& \\1", b: "" })).toBe("[{{b}} $& \\1][][{{b}} $& \\1]");
  });

  it("names the file and the values that are missing or have no place", async () => {
    const { render } = await prompt("{{a}} {{b}}");
    expect(() => render({ a: "1" })).toThrow(/prompt\.md`; \{\{b\}\} is missing/);
    expect(() => render({ a: "1", b: "2", c: "3" })).toThrow(/prompt\.md`; \{\{c\}\} has no place/);
    expect(() => render({ a: "1", toString: "2" })).toThrow(UsageError);
  });
});
