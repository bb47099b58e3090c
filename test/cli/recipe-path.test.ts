import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { packageRoot } from "../../src/package.ts";
import { type CliEnd, tracemill } from "../kit/cli.ts";

const recipe = (body: string) => `import { defineRun, from, runShape, z } from "tracemill";\n${body}\n`;
const works = recipe(`export default defineRun({
  name: "mine",
  config: z.strictObject({ ...runShape, wanted: z.number() }),
  target: (config) => config.wanted,
  build: () => from([]),
});`);

describe.concurrent("a recipe that a config names by its path", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-recipe-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(packageRoot(), join(folder, "node_modules/tracemill"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs a config that names `path`, after writing `text` there; the config's other keys are wrong, so that nothing is ever run. */
  async function load(path: string, text: string | null, config: object = {}): Promise<CliEnd> {
    if (text !== null) await writeFile(join(folder, path), text);
    const configPath = join(folder, `${path.replace(/\W/g, "-")}.yaml`);
    await writeFile(configPath, stringify({ recipe: path, ...config }));
    // From another folder: a path in a config starts at the config.
    const end = await tracemill(["run", configPath, "--output", join(folder, "output")]);
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).not.toMatch(/\n\s+at /); // a sentence, not a stack
    return end;
  }

  test("is loaded from beside the config, and its own options are checked", async () => {
    const { stderr } = await load("./works.mjs", works, { wanted: "many", wnated: 1 });
    expect(stderr).toContain('wanted: expected a number, got `"many"`');
    expect(stderr).toContain("wnated: unknown key; did you mean `wanted`?");
  });

  test("that is not there", async () => {
    expect((await load("./nowhere.mjs", null)).stderr).toMatch(/Expected a recipe at `.*nowhere\.mjs`, got ENOENT/);
  });

  test("that is a folder", async () => {
    expect((await load("./node_modules", null)).stderr).toContain("got a folder: name the file");
  });

  test("whose path does not begin with ./ is told how to write it", async () => {
    expect((await load("works.mjs", null)).stderr).toContain(
      "to be one of `sft`, or the path of a module that begins with `./`, got `works.mjs`: write `./works.mjs`",
    );
  });

  test("with a syntax error names file and line", async () => {
    expect((await load("./syntax.mjs", "const a = 1;\nconst = ;\n")).stderr).toMatch(/syntax\.mjs:2.*SyntaxError/s);
  });

  test("that throws while it is loaded names file and line", async () => {
    expect((await load("./throws.mjs", '\nthrow new Error("no such day");\n')).stderr).toMatch(
      /throws\.mjs:2:7: Error: no such day/,
    );
  });

  test("without a default export", async () => {
    const { stderr } = await load("./named.mjs", works.replace("export default", "export const mine ="));
    expect(stderr).toContain("got no default export: write `export default defineRun({ … })`");
  });

  test("whose default export defineRun did not make", async () => {
    const { stderr } = await load("./plain.mjs", "export default { name: 'mine' };");
    expect(stderr).toContain("to be made by defineRun, got something else");
  });

  test("that imports something tracemill does not export says what", async () => {
    const { stderr } = await load("./wrong.mjs", 'import { defineRuns } from "tracemill";\nexport default defineRuns;');
    expect(stderr).toContain("defineRuns");
  });

  test("with an exporter that takes another's file is refused", async () => {
    const exporters = "exporters: [{ name: 'mine', fileName: 'chat.jsonl', write() {}, check() {} }],\n  build:";
    const { stderr } = await load("./takes.mjs", works.replace("build:", exporters));
    expect(stderr).toContain("to differ in fileName, got `chat.jsonl` twice");
  });

  test("in TypeScript on a Node that does not read it", async () => {
    const { stderr } = await load("./typed.ts", works, { wanted: "many" });
    if ("typescript" in process.features && process.features.typescript)
      expect(stderr).toContain("wanted: expected a number");
    else expect(stderr).toContain("compile it to .mjs, or use Node 22.18 or newer");
  });

  test("with no tracemill beside it is told the command that puts it there", async () => {
    const bare = await mkdtemp(join(tmpdir(), "tracemill-bare-"));
    try {
      await writeFile(join(bare, "recipe.mjs"), works);
      const configPath = join(bare, "run.yaml");
      await writeFile(configPath, stringify({ recipe: join(bare, "recipe.mjs") }));
      const end = await tracemill(["run", configPath, "--output", join(bare, "output")]);
      expect(end.code).toBe(2);
      expect(end.stderr).toContain(`\`npm install ${packageRoot()}\` in the recipe's folder`);
    } finally {
      await rm(bare, { recursive: true, force: true });
    }
  });

  test("that imports another copy of tracemill is told so", async () => {
    const other = join(folder, "other");
    await mkdir(join(other, "node_modules/tracemill/dist"), { recursive: true });
    for (const part of ["package.json", "prompts", "dist/src"]) {
      await cp(join(packageRoot(), part), join(other, "node_modules/tracemill", part), { recursive: true });
    }
    await symlink(join(packageRoot(), "node_modules"), join(other, "node_modules/tracemill/node_modules"));
    const { stderr } = await load("./other/recipe.mjs", works);
    expect(stderr).toContain(`to import this copy of tracemill (${packageRoot()}), got another`);
  });
});
