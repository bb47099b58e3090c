import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const mapped = [
  "src",
  "pipelines",
  "configs",
  "examples",
  "schemas",
  "prompts",
  "runner",
  "scripts",
  "bench",
  "hostile",
  ".ci",
];

function page(name: string): string {
  return readFileSync(join(root, name), "utf8");
}

/** The paths of the tree section: a line that begins a folder ends in a slash, the indented lines below are what lies in it. */
function pathsInTree(): string[] {
  const block = /\n## The tree\n[\s\S]*?```\n([\s\S]*?)```/.exec(page("AGENTS.md"))?.[1] ?? "";
  let folder = "";
  return block.split("\n").flatMap((line) => {
    const [, indent = "", name = "", words = ""] = /^( *)(\S+)(.*)$/.exec(line) ?? [];
    if (name === "") return [];
    if (indent === "") {
      folder = name;
      return [name];
    }
    expect(words.trim(), `${folder}${name} needs a line on what it holds`).not.toBe("");
    return [join(folder, name)];
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const listed = pathsInTree();

test("everything that the tree of AGENTS.md lists is there, and listed once", () => {
  expect(listed.length).toBeGreaterThan(100);
  expect(listed.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(listed.filter((path, index) => listed.indexOf(path) !== index)).toEqual([]);
});

test.each(mapped)("every file below %s has a line in the tree of AGENTS.md", (folder) => {
  expect(filesBelow(folder).filter((path) => !listed.includes(path))).toEqual([]);
});

test("every folder of test/ that holds something has a line in the tree of AGENTS.md", () => {
  const folders = readdirSync(join(root, "test"))
    .map((name) => `test/${name}/`)
    .filter((path) => statSync(join(root, path)).isDirectory() && filesBelow(path).length > 0);
  expect(folders.filter((path) => !listed.includes(path))).toEqual([]);
});

test.each(["AGENTS.md", "CONTRIBUTING.md"])("every script that %s names is in package.json", (name) => {
  const { scripts } = JSON.parse(page("package.json")) as { scripts: Record<string, string> };
  const named = [...page(name).matchAll(/npm (?:run (?:-s )?([\w:-]+)|(test)\b)/g)].map(
    ([, script, test = ""]) => script ?? test,
  );
  expect(named).toContain("quickstart");
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});

test.each(["AGENTS.md", "CONTRIBUTING.md"])("every path that %s names in code is there", (name) => {
  const outsideFences = page(name).replace(/```[\s\S]*?```/g, "");
  const named = [
    ...outsideFences.matchAll(/`((?:src|test|pipelines|configs|prompts|runner|docs|scripts|bench)\/[^`\s]*)`/g),
  ]
    .map((match) => match[1] ?? "")
    .filter((path) => !/[<*]/.test(path));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
