import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { datasetLoader } from "../../src/datasets/load.ts";
import { UsageError } from "../../src/domain/errors.ts";

let base: string;
let folder: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "tracemill-load-"));
  folder = join(base, "store");
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(base, path, ".."), { recursive: true });
  await writeFile(join(base, path), text);
}

const loader = () => datasetLoader({ folder, base });

async function problem(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

describe("what a path finds", () => {
  it("makes one dataset of every data file in a folder, and passes over hidden and other files", async () => {
    await put("data/b.csv", "x\n1\n");
    await put("data/deep/a.JSONL", '{"x":1}\n');
    await put("data/.hidden.csv", "x\n2\n");
    await put("data/.git/c.csv", "x\n3\n");
    await put("data/readme.md", "# data");
    const loaded = await loader().load("data");
    expect(loaded.map(({ dataset }) => [dataset.name, dataset.files[0]?.name, dataset.files[0]?.format])).toEqual([
      ["b", "b.csv", "csv"],
      ["deep/a", "a.JSONL", "jsonl"],
    ]);
  });

  it("expands a glob, also below a folder whose name looks like one", async () => {
    await put("odd [1]/2019.csv", "x\n1\n");
    await put("odd [1]/2020.csv", "x\n2\n");
    await put("odd [1]/notes.csv", "x\n3\n");
    const loaded = await loader().load("odd [1]/20*.csv");
    expect(loaded.map(({ dataset }) => dataset.name)).toEqual(["2019", "2020"]);
  });

  it("takes a name that exists as it is, whatever it looks like", async () => {
    await put("a[1]*.csv", "x\n1\n");
    await put("a1b.csv", "x\n2\n");
    const loaded = await loader().load("a[1]*.csv");
    expect(loaded.map(({ dataset }) => dataset.files[0]?.name)).toEqual(["a[1]*.csv"]);
  });

  it("keeps names with spaces, quotes and letters of any script", async () => {
    const names = ['it\'s "so".csv', "a b.csv", "Größe 数据.csv"];
    for (const [index, name] of names.entries()) await put(`data/${name}`, `x\n${index}\n`);
    const loaded = await loader().load("data");
    expect(loaded.map(({ dataset }) => dataset.files[0]?.name).sort()).toEqual([...names].sort());
  });

  it("follows symbolic links to files and folders under the links' own names", async () => {
    await put("elsewhere/real.csv", "x\n1\n");
    await put("elsewhere/more/other.csv", "x\n2\n");
    await mkdir(join(base, "data"));
    await symlink(join(base, "elsewhere/real.csv"), join(base, "data/link.csv"));
    await symlink(join(base, "elsewhere/more"), join(base, "data/linked"));
    await symlink(join(base, "nowhere.txt"), join(base, "data/broken.txt"));
    await symlink(join(base, "data"), join(base, "data/loop"));
    const loaded = await loader().load("data");
    expect(loaded.map(({ dataset }) => dataset.files[0]?.name)).toEqual(["link.csv", "other.csv"]);
    expect((await stat(join(loaded[0]?.dir ?? "", "link.csv"))).isFile()).toBe(true);
  });

  it("passes over installed packages and what runs wrote, unless it is named", async () => {
    await put("mine.csv", "x\n1\n");
    await put("node_modules/some-package/package.json", "[]");
    await put("output/runs/first/exports/chat.jsonl", '{"messages":[]}\n');
    const beside = datasetLoader({ folder: join(base, "output/store/datasets"), base });
    const names = async (path: string) => (await beside.load(path)).map(({ dataset }) => dataset.name);
    expect(await names(".")).toEqual(["mine"]);
    expect(await names("**/*.{csv,json,jsonl}")).toEqual(["mine"]);
    expect(await names("output/runs/first/exports")).toEqual(["chat"]);
  });

  it("finds the data of an installed package", async () => {
    const loaded = await loader().load("package:vega-datasets/data/ca*.json");
    expect(loaded.map(({ dataset }) => dataset.files[0]?.name)).toEqual(["cars.json"]);
  });

  it("loads several files as one dataset when an entry lists them", async () => {
    await put("orders.csv", "id\n1\n");
    await put("people/a.csv", "id\n1\n");
    const [loaded] = await loader().loadAll([{ name: "shop", files: ["people/*.csv", "orders.csv"] }]);
    expect(loaded?.dataset.name).toBe("shop");
    expect(loaded?.dataset.files.map((file) => file.name)).toEqual(["a.csv", "orders.csv"]);
  });
});

describe("identity", () => {
  it("is the files' names and contents, not where they lie or in which order they are listed", async () => {
    await put("one/a.csv", "x\n1\n");
    await put("one/b.csv", "x\n2\n");
    await put("two/a.csv", "x\n1\n");
    await put("two/b.csv", "x\n2\n");
    const [first] = await loader().loadAll([{ name: "first", files: ["one/a.csv", "one/b.csv"] }]);
    const [second] = await loader().loadAll([{ name: "second", files: ["two/b.csv", "two/a.csv"] }]);
    expect(second?.dataset.id).toBe(first?.dataset.id);
    await put("two/a.csv", "x\n9\n");
    const [changed] = await loader().loadAll([{ name: "second", files: ["two/b.csv", "two/a.csv"] }]);
    expect(changed?.dataset.id).not.toBe(first?.dataset.id);
  });

  it("gives one dataset for content that is found twice", async () => {
    await put("data/a.csv", "x\n1\n");
    await put("copy/a.csv", "x\n1\n");
    await put("copy/b.csv", "x\n1\n");
    expect(await loader().loadAll(["data", "copy", "data/a.csv", "./data/*.csv"])).toHaveLength(1);
  });
});

describe("the copy a sandbox is given", () => {
  it("holds the dataset's files, read-only, and nothing else", async () => {
    await put("data/a.csv", "x\n1\n");
    const [loaded] = await loader().load("data");
    const dir = loaded?.dir ?? "";
    expect(dir).toBe(join(folder, loaded?.dataset.id ?? ""));
    expect(await readdir(dir)).toEqual(["a.csv"]);
    expect((await stat(join(dir, "a.csv"))).mode & 0o777).toBe(0o444);
    expect((await stat(dir)).mode & 0o777).toBe(0o755);
    expect(await readdir(folder)).toEqual([loaded?.dataset.id]);
  });

  it("stays as it was when the source changes", async () => {
    await put("data/a.csv", "x\n1\n");
    const [loaded] = await loader().load("data");
    await put("data/a.csv", "x\n2\n");
    await loader().load("data");
    expect(await readFile(join(loaded?.dir ?? "", "a.csv"), "utf8")).toBe("x\n1\n");
  });

  it("is made again when it was damaged", async () => {
    await put("data/a.csv", "x\n1\n");
    const [loaded] = await loader().load("data");
    const copy = join(loaded?.dir ?? "", "a.csv");
    await chmod(copy, 0o644);
    await writeFile(copy, "x");
    await loader().load("data");
    expect(await readFile(copy, "utf8")).toBe("x\n1\n");
  });

  it("replaces what a killed process left half-copied", async () => {
    await put("data/a.csv", "x\n1\n");
    const id = (await loader().load("data"))[0]?.dataset.id ?? "";
    await rm(join(folder, id), { recursive: true });
    await put(`store/.staging-${id}-killed/a.csv`, "x");
    await loader().load("data");
    expect(await readdir(folder)).toEqual([id]);
  });

  it("is the same when many load it at once", async () => {
    await put("data/a.csv", "x\n1\n");
    const loads = await Promise.all(Array.from({ length: 8 }, () => loader().load("data")));
    expect(new Set(loads.map(([loaded]) => loaded?.dir)).size).toBe(1);
    expect(await readdir(folder)).toHaveLength(1);
  });
});

describe("what cannot be loaded says the option, the value and the way out", () => {
  it("nothing there", async () => {
    const message = await problem(loader().loadAll([{ name: "x", files: ["nope.csv"] }]));
    expect(message).toContain("datasets[0].files[0]");
    expect(message).toContain("`nope.csv`");
    expect(message).toContain(`relative paths start at ${base}`);
  });

  it("a glob or a folder without data files", async () => {
    await put("data/readme.md", "# data");
    await put("ok.csv", "x\n1\n");
    expect(await problem(loader().loadAll(["ok.csv", "data/*.csv"]))).toMatch(/datasets\[1\].*finds no file/);
    expect(await problem(loader().loadAll(["data"]))).toMatch(/datasets\[0\].*only other files, such as `readme.md`/);
    expect(await problem(loader().loadAll(["absent/*.csv"]))).toMatch(/datasets\[0\].*finds no file/);
  });

  it("a file of another kind, named directly", async () => {
    await put("table.ods", "PK");
    expect(await problem(loader().loadAll(["table.ods"]))).toMatch(/datasets\[0\].*\.csv.*`table.ods`: convert it/);
  });

  it("an empty file", async () => {
    await put("data/empty.csv", "");
    expect(await problem(loader().loadAll(["data"]))).toMatch(/datasets\[0\].*empty\.csv.*leave it out/);
  });

  it("links to nothing, named or found, instead of passing over them", async () => {
    await put("data/a.csv", "x\n1\n");
    await symlink("nowhere.csv", join(base, "data/link.csv"));
    expect(await problem(loader().loadAll(["data/link.csv"]))).toMatch(
      /datasets\[0\].*a link to nothing \(`\S+`\): mend or remove/,
    );
    expect(await problem(loader().loadAll(["data"]))).toMatch(/datasets\[0\].*link\.csv`: a link to nothing/);
    expect(await problem(loader().loadAll(["data/*.csv"]))).toMatch(/link\.csv`: a link to nothing/);
    expect(await loader().loadAll(["data/a*.csv"])).toHaveLength(1);
  });

  it("old Excel files, archives and other tables, with the program's way out", async () => {
    for (const [name, wayOut] of [
      ["old.xls", "save it as .xlsx or CSV"],
      ["data.zip", "unpack it"],
      ["model.pkl", "Parquet or CSV"],
      ["table.parquet.gz", "unpack it"],
    ] as const) {
      await put(name, "x");
      expect(await problem(loader().loadAll([name]))).toContain(wayOut);
    }
  });

  it("two files of one name in one dataset", async () => {
    await put("a/x.csv", "x\n1\n");
    await put("b/x.csv", "x\n2\n");
    expect(await problem(loader().loadAll([{ name: "both", files: ["a/x.csv", "b/x.csv"] }]))).toMatch(/rename one/);
  });

  it("a name that would break the lines it is shown in", async () => {
    await put("a\nb.csv", "x\n1\n");
    expect(await problem(loader().loadAll(["*.csv"]))).toMatch(/datasets\[0\].*a\\nb\.csv.*rename the file/);
  });

  it("a package that is not installed, or no package at all", async () => {
    expect(await problem(loader().loadAll(["package:no-such-data-package/x.csv"]))).toMatch(
      /no-such-data-package.*npm install no-such-data-package/,
    );
    expect(await problem(loader().loadAll(["package:"]))).toMatch(/package:<npm package>\/<path>/);
  });
});
