import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
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
    expect(text).toMatch(/# {3}family: together .*\n +# {3}baseUrl: https:\/\/api\.together\.xyz\/v1\n/);
    expect(text + end.stdout + end.stderr).not.toContain("secret-of-mine");
  });

  test("--example writes the quickstart's config", async () => {
    const end = await tracemill(["init", "--example"], { cwd: folder });
    expect(end.code, end.stderr).toBe(0);
    expect(end.stdout).toMatch(/^cars +cars\.json +406 +9 /m);
    const quickstart = await readConfig("configs/quickstart.yaml");
    const file = await readConfig(join(folder, "tracemill.yaml"));
    expect(file.value).toEqual(quickstart.value);
  });

  test("puts files that join into one dataset with the reason, and leaves out what cannot be read, with the reason", async () => {
    const data = join(folder, "my data");
    await mkdir(data);
    const lines = (count: number, line: (row: number) => string) =>
      Array.from({ length: count }, (_, row) => line(row)).join("\n");
    await writeFile(join(data, "customers.csv"), `id,name\n${lines(40, (row) => `${row + 1},Customer ${row}`)}\n`);
    await writeFile(
      join(data, "orders.csv"),
      `order_id,customer_id\n${lines(90, (row) => `${row + 500},${1 + (row % 40)}`)}\n`,
    );
    await writeFile(
      join(data, "it's: #1.csv.gz"),
      gzipSync(`day,rain\n${lines(30, (row) => `2024-01-${row + 1},${row}.5`)}\n`),
    );
    await writeFile(join(data, "latin.csv"), Buffer.from("a,b\né,1\n", "latin1"));
    await writeFile(join(data, "old.xls"), "old");
    await writeFile(join(data, "empty.csv"), "");
    await copyFile(join(data, "customers.csv"), join(data, "zz copy.csv"));
    await symlink("nowhere.csv", join(data, "link.csv"));
    const end = await tracemill(["init", "my data"], { cwd: folder });
    expect(end.code, end.stderr).toBe(0);
    const { config, text } = await written();
    expect(config.datasets).toEqual([
      { name: "customers-orders", files: ["./my data/customers.csv", "./my data/orders.csv"] },
      "./my data/it's: #1.csv.gz",
    ]);
    const reason = 'orders.csv "customer_id" joins customers.csv "id": many to one, 100 % of values found';
    for (const said of [text, end.stdout]) {
      expect(said).toContain(reason);
      expect(said).toMatch(/latin\.csv: .*0xe9 on line 2.*iconv -f WINDOWS-1252/);
      expect(said).toMatch(/old\.xls: a format that is not read.*save it as \.xlsx or CSV/);
      expect(said).toMatch(/empty\.csv: an empty file/);
      expect(said).toMatch(/zz copy\.csv: the same content as customers\.csv/);
      expect(said).toMatch(/link\.csv: a link to nothing/);
    }
    expect(text).toContain("  # left out: ./my data/latin.csv");
  });

  test("fails only when nothing is left, and says of every file why", async () => {
    await writeFile(join(folder, "a.csv"), "x,y\n");
    await writeFile(join(folder, "b.csv"), "x,y\n1,2,3\n");
    const end = await tracemill(["init", "*.csv"], { cwd: folder });
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/a\.csv.*at least one row[\s\S]*b\.csv.*2 values on line 2, got 3/);
    await expect(readFile(join(folder, "tracemill.yaml"))).rejects.toThrow("ENOENT");
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
    ["a folder without data", ["."], "finds no file"],
  ])("%s is told, and nothing is written", async (_what, args, told) => {
    const end = await tracemill(["init", ...args], { cwd: folder });
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).toContain(told);
    await expect(readFile(join(folder, "tracemill.yaml"))).rejects.toThrow("ENOENT");
  });
});
