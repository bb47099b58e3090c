import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { recipes } from "../../pipelines/index.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { readConfig } from "../../src/config/read.ts";
import { tracemill } from "../kit/cli.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-init-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function written() {
  const file = await readConfig(join(folder, "tracemill.yaml"));
  const [recipe] = recipes;
  return { text: file.text, config: parseConfig(recipe.config, file.value, file.path) };
}

describe("tracemill init", () => {
  test("profiles a user's files and writes a commented config that parses, and the next command", async () => {
    await mkdir(join(folder, "my data"));
    await writeFile(join(folder, "my data", "sales 2024.csv"), "day,amount,shop\n2024-01-01,3.5,A\n2024-01-02,,B\n");
    const end = await tracemill(["init", "my data"], { cwd: folder });
    expect(end.code, end.stderr).toBe(0);
    expect(end.stdout).toContain("sales 2024");
    expect(end.stdout).toContain("next: npx tracemill run tracemill.yaml");
    const { config, text } = await written();
    expect(config.datasets).toEqual(["./my data"]);
    expect(text).toContain("# moving a threshold");
  });

  test("names the service whose key is set, and never writes the key", async () => {
    await writeFile(join(folder, "a.csv"), "x,y\n1,2\n3,4\n");
    const end = await tracemill(["init", "a.csv"], { cwd: folder, env: { TOGETHER_API_KEY: "secret-of-mine" } });
    expect(end.code, end.stderr).toBe(0);
    const { text } = await written();
    expect(text).toContain("TOGETHER_API_KEY is set here");
    expect(text + end.stdout + end.stderr).not.toContain("secret-of-mine");
  });

  test("--example writes a config of the package's tables", async () => {
    const end = await tracemill(["init", "--example"], { cwd: folder });
    expect(end.code, end.stderr).toBe(0);
    expect((await written()).config.datasets).toContain("package:vega-datasets/data/cars.json");
  });

  test("leaves a config that is there alone unless --force", async () => {
    await writeFile(join(folder, "a.csv"), "x,y\n1,2\n3,4\n");
    await writeFile(join(folder, "tracemill.yaml"), "mine\n");
    const refused = await tracemill(["init", "a.csv"], { cwd: folder });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--force");
    expect(await readFile(join(folder, "tracemill.yaml"), "utf8")).toBe("mine\n");
    expect((await tracemill(["init", "a.csv", "--force"], { cwd: folder })).code).toBe(0);
    expect((await written()).config.recipe).toBe("sft");
  });

  test.each([
    ["nothing named", [], "tracemill init --example"],
    ["a folder that is not there", ["nowhere"], "nowhere"],
    ["a folder without data", ["."], "datasets[0]"],
  ])("%s is told, and nothing is written", async (_what, args, told) => {
    const end = await tracemill(["init", ...args], { cwd: folder });
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).toContain(told);
    await expect(readFile(join(folder, "tracemill.yaml"))).rejects.toThrow("ENOENT");
  });
});
