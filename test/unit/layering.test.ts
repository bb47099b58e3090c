import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const plugins = [
  "models",
  "sandboxes",
  "agents",
  "judges",
  "metrics",
  "suites",
  "datasets",
  "exports",
  "tuners",
  "prompts",
  "config",
];

const belowRun = [
  "package.ts",
  "domain",
  "contracts.ts",
  "engine",
  "executors",
  "stages",
  "recipe.ts",
  "audit",
  "telemetry",
  "tasks",
  "display",
  "pipelines",
  "publish",
  ...plugins,
];

/** Which folders (and top-level files) of src/ a folder may import, beside itself. The table of DESIGN.md. */
const mayImport: Record<string, readonly string[]> = {
  domain: [],
  "package.ts": [],
  "contracts.ts": ["domain"],
  engine: ["domain", "contracts.ts"],
  executors: ["domain", "contracts.ts", "engine"],
  ...Object.fromEntries(plugins.map((plugin) => [plugin, ["domain", "contracts.ts", "package.ts"]])),
  agents: ["domain", "contracts.ts", "prompts"],
  judges: ["domain", "contracts.ts", "prompts"],
  audit: ["domain", "contracts.ts", "engine"],
  telemetry: ["domain", "contracts.ts", "package.ts", "engine"],
  tasks: ["domain", "contracts.ts", "config", "metrics"],
  display: ["domain", "contracts.ts", "audit"],
  stages: ["domain", "contracts.ts", "engine", ...plugins],
  "recipe.ts": ["domain", "contracts.ts", "engine", "stages", ...plugins],
  "index.ts": ["domain", "contracts.ts", "engine", "stages", "recipe.ts", ...plugins],
  publish: ["domain", "contracts.ts"],
  archive: ["domain", "contracts.ts", "engine", "exports", "audit"],
  upkeep: ["domain", "contracts.ts", "package.ts", "engine", "audit", "archive", ...plugins],
  run: [...belowRun, "archive"],
  commands: [...belowRun, "archive", "upkeep", "run"],
  "bin.ts": ["cli.ts"],
  "cli.ts": ["domain", "package.ts", "telemetry", "commands"],
  pipelines: ["index.ts"],
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

function layerOf(path: string): string {
  const below = relative(root, path);
  if (below.startsWith("pipelines/")) return "pipelines";
  return relative("src", below).split("/")[0] ?? "";
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => resolve(dirname(path), match[1] ?? ""));
}

const edges = [...filesBelow(join(root, "src")), ...filesBelow(join(root, "pipelines"))].flatMap((path) =>
  importsOf(path).map((target) => ({ path: relative(root, path), from: layerOf(path), to: layerOf(target) })),
);

describe("imports run one way", () => {
  test("the tree has imports to check", () => {
    expect(edges.length).toBeGreaterThan(50);
  });

  test.each(edges.filter(({ from, to }) => from !== to))("$path may import $to", ({ from, to }) => {
    expect(mayImport[from], `${from} is not in the table`).toBeDefined();
    expect(mayImport[from]).toContain(to);
  });
});
