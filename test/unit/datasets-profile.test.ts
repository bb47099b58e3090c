import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeProfile } from "../../src/datasets/describe.ts";
import { formatOf } from "../../src/datasets/index.ts";
import { measureFile } from "../../src/datasets/keep.ts";
import { profileDataset } from "../../src/datasets/profile.ts";
import { type ColumnProfile, type FileProfile, fileProfile } from "../../src/domain/dataset.ts";
import { UsageError } from "../../src/domain/errors.ts";
import { hashOf } from "../../src/domain/hash.ts";
import { createRemember } from "../../src/engine/remember.ts";
import { openStore } from "../../src/engine/store.ts";

const vega = "node_modules/vega-datasets/data";
const suites = "../shared/suites/data";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-profile-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function profileFile(path: string): Promise<FileProfile> {
  const format = formatOf(path);
  if (format === undefined) throw new Error(`no data file: ${path}`);
  const files = [{ name: basename(path), format, bytes: 1, sha256: "" }];
  const [profile] = await profileDataset({ id: "dataset_test", name: "test", files }, dirname(path));
  return fileProfile.parse(profile);
}

async function profileText(name: string, content: string | Uint8Array): Promise<FileProfile> {
  await writeFile(join(folder, name), content);
  return profileFile(join(folder, name));
}

async function columnOf(values: readonly string[], name = "v"): Promise<ColumnProfile> {
  const quoted = values.map((value) => `"${value.replaceAll('"', '""')}",1`);
  const profile = await profileText("column.csv", [`${name},other`, ...quoted, ""].join("\n"));
  return profile.columns[0] as ColumnProfile;
}

const repeat = (values: readonly string[], times: number) => Array.from({ length: times }, () => values).flat();

describe("the text a model is shown", () => {
  it("says of cars.json what pandas finds in it, in this form", async () => {
    expect(describeProfile([await profileFile(`${vega}/cars.json`)])).toBe(
      `/data/cars.json (JSON, 406 rows, 9 columns)
- "Name" text, 311 distinct; examples: "chevrolet chevelle malibu", "buick skylark 320", "plymouth satellite"
- "Miles_per_Gallon" number, 129 distinct, 8 missing; min 9, quartiles 17.5 / 23 / 29, max 46.6, mean 23.5146
- "Cylinders" integer, 5 distinct; min 3, quartiles 4 / 4 / 8, max 8, mean 5.47537; top: "4" (207), "8" (108), "6" (84), "3" (4), "5" (3)
- "Displacement" number, 83 distinct; min 68, quartiles 105 / 151 / 302, max 455, mean 194.78
- "Horsepower" integer, 93 distinct, 6 missing; min 46, quartiles 75.75 / 95 / 130, max 230, mean 105.082
- "Weight_in_lbs" integer, 356 distinct; min 1613, quartiles 2226.5 / 2822.5 / 3618.25, max 5140, mean 2979.41
- "Acceleration" number, 96 distinct; min 8, quartiles 13.7 / 15.5 / 17.175, max 24.8, mean 15.5197
- "Year" date, 12 distinct; min 1970-01-01, max 1982-01-01
- "Origin" category, 3 distinct; top: "USA" (254), "Japan" (79), "Europe" (73)`,
    );
  });

  it("separates files by a blank line and shows sixty columns of a wide one", async () => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    const names = Array.from({ length: 70 }, (_, index) => `${letters[index % 26]}${letters[Math.floor(index / 26)]}`);
    const wide = await profileText("wide.csv", `${names.join(",")}\n${names.map((_, index) => index).join(",")}\n`);
    const lines = describeProfile([wide, wide]).split("\n");
    expect(lines).toHaveLength(2 * 62 + 1);
    expect(lines[61]).toBe("- … and 10 more columns");
    expect(lines[62]).toBe("");
    expect(wide.columns).toHaveLength(70);
  });

  it("keeps hostile names and values in their line", async () => {
    const profile = await profileText(
      "hostile.csv",
      '"a""b\n- ""x"" integer, 1 distinct",\u202ehidden,c\n"1\n2",x,1\n"1\n2",x,1\n',
    );
    const lines = describeProfile([profile]).split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain('- "a\\"b\\n- \\"x\\" integer, 1 distinct" category, 1 distinct; top: "1\\n2" (2)');
    expect(lines[2]).toContain('"\\u202ehidden"');
  });

  it("cuts long values at 60 characters", async () => {
    const { examples } = await columnOf(["x".repeat(200)]);
    expect(examples).toEqual([`${"x".repeat(59)}…`]);
  });
});

describe("kinds, as people mean them", () => {
  it.each<[string, ColumnProfile["kind"], readonly string[], string?]>([
    ["whole numbers", "integer", ["1", "2", "2", "7"]],
    ["whole numbers that pandas wrote as floats", "integer", ["1.0", "2.0", "", "7.0"]],
    ["numbers", "number", ["1.5", "2", "-3e2"]],
    ["numbers with gaps", "number", ["1.5", "NA", "NaN", "n/a"]],
    ["flags", "boolean", ["True", "False", "TRUE", ""]],
    ["ISO days", "date", ["2020-01-31", "2020-02-29"]],
    ["ISO timestamps", "date", ["2020-01-31T10:00:00Z", "2020-02-29T00:00:00Z"]],
    ["timestamps of logs", "date", ["2020-01-31 10:00:00.250", "2020-02-29 23:59:59.999"]],
    ["days in words", "date", ["Jan 1 2000", "Feb 1 2000"]],
    ["days with commas", "date", ["Sep 17, 2017", "Sep 16, 2017"]],
    ["days with short years", "date", ["19-Jan-18", "18-Jan-18"]],
    ["days with slashes", "date", ["10/31/2016", "1/2/2016"]],
    ["day-first days", "date", ["31/10/2016", "1/2/2016"]],
    ["days written as numbers", "date", ["20200131", "20200201", "20200229"]],
    ["days among a few blunders", "date", [...repeat(["2020-01-31"], 30), "unknown"]],
    ["labels", "category", repeat(["red", "green"], 4)],
    ["free text", "text", ["one thing", "another thing", "a third"]],
    ["nothing at all", "text", ["", "", ""]],
    ["codes with leading zeros", "id", ["00501", "00544", "10001"]],
    ["what is called an id", "id", ["3", "1", "2", "2"], "customer_id"],
    ["numbers beyond exact doubles", "id", ["9007199254740993", "9007199254740995"]],
    ["the nameless running number pandas writes", "id", ["0", "1", "2"], ""],
    ["times of day", "text", ["09:15:59", "09:16:59"]],
    ["words that happen to be missing markers", "number", ["null", "1.5", "NULL"]],
    ["digits with underscores", "text", ["1_000", "2_000"]],
  ])("%s are %s", async (_, kind, values, name) => {
    expect((await columnOf(values, name)).kind).toBe(kind);
  });

  it("reads nested values, mixed types and lists in JSON without losing rows", async () => {
    const profile = await profileText(
      "nested.json",
      JSON.stringify([
        { n: 1, mixed: 1, map: { a: 1 }, list: [1, 2], flag: true },
        { n: 2, mixed: "two", map: null, flag: false },
      ]),
    );
    expect(profile.rows).toBe(2);
    expect(profile.columns.map(({ name, kind, missing }) => [name, kind, missing])).toEqual([
      ["n", "integer", 0],
      ["mixed", "text", 0],
      ["map", "nested", 1],
      ["list", "nested", 1],
      ["flag", "boolean", 0],
    ]);
    expect(profile.columns[2]?.examples).toEqual(['{"a":1}']);
  });
});

describe("figures", () => {
  it("leaves NaN out as missing and infinities out of the range", async () => {
    expect(await columnOf(["inf", "-inf", "NaN", "1.5", "2.5"])).toEqual({
      name: "v",
      kind: "number",
      missing: 1,
      distinct: 4,
      min: 1.5,
      quartiles: [1.75, 2, 2.25],
      max: 2.5,
      mean: 2,
    });
  });

  it("orders equally frequent values by value, numbers as numbers", async () => {
    expect((await columnOf(repeat(["b", "a", "c"], 2))).top?.map(({ value }) => value)).toEqual(["a", "b", "c"]);
    expect((await columnOf(repeat(["10", "9", "2"], 2))).top?.map(({ value }) => value)).toEqual(["2", "9", "10"]);
  });

  it("shows at most eight frequent values and three examples, in the order of the file", async () => {
    const letters = [..."jihgfedcba"];
    expect((await columnOf(repeat(letters, 2))).top).toHaveLength(8);
    expect((await columnOf(letters.map((letter) => `${letter} thing`))).examples).toEqual([
      "j thing",
      "i thing",
      "h thing",
    ]);
  });

  it("shows how a date is written where it is not the ISO form", async () => {
    const { min, max, examples } = await columnOf(["Feb 1 2000", "Jan 1 2000"]);
    expect([min, max, examples]).toEqual(["2000-01-01", "2000-02-01", ["Feb 1 2000", "Jan 1 2000"]]);
  });

  it("are the same every time", async () => {
    const first = await profileFile(`${vega}/movies.json`);
    expect(await profileFile(`${vega}/movies.json`)).toEqual(first);
  });
});

describe("a remembered profile", () => {
  it("is computed once for a file's content: of three files with one changed, that one, whatever they are called", async () => {
    const home = await mkdtemp(join(folder, "remembered-"));
    await using store = await openStore(join(home, "store"));
    const remember = createRemember(store);
    const read: string[] = [];
    const profileOf = async (files: Record<string, string>) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
      const described = await Promise.all(
        Object.keys(files).map(async (name) => ({
          name,
          format: "csv" as const,
          ...(await measureFile(join(home, name))),
        })),
      );
      const id = `dataset_${hashOf(described)}`;
      read.length = 0;
      const profile = await profileDataset({ id, name: "test", files: described }, home, {
        remember,
        onFile: ({ name }) => void read.push(name),
      });
      return profile.map(({ file, rows, joins }) => [file, rows, joins?.length ?? 0]);
    };
    const ids = [1, 2, 3].map((id) => `k${id}`);
    const a = `shop_id,v\n${ids.map((id) => `${id},1`).join("\n")}\n`;
    const b = `shop_id,w\n${ids.map((id) => `${id},2`).join("\n")}\n`;
    const both = [
      ["a.csv", 3, 1],
      ["b.csv", 3, 0],
      ["c.csv", 1, 0],
    ];
    expect(await profileOf({ "a.csv": a, "b.csv": b, "c.csv": "x\n1\n" })).toEqual(both);
    expect(read).toEqual(["a.csv", "b.csv", "c.csv"]);
    expect(await profileOf({ "a.csv": a, "b.csv": b, "c.csv": "x\n1\n" })).toEqual(both);
    expect(read).toEqual([]);
    await profileOf({ "a.csv": a, "b.csv": b, "c.csv": "x\n2\n", "d.csv": b });
    expect(read).toEqual(["c.csv"]);
  });
});

describe("files as they come", () => {
  it.each([
    ["a byte order mark", "\uFEFFname,v\nx,1\n"],
    ["Windows line ends", "name,v\r\nx,1\r\n"],
    ["old Mac line ends", "name,v\rx,1\r"],
    ["semicolons", "name;v\nx;1\n"],
    ["no line end at the end", "name,v\nx,1"],
    ["quotes around everything", '"name","v"\n"x","1"\n'],
  ])("%s", async (_, text) => {
    const { rows, columns } = await profileText("form.csv", text);
    expect([rows, columns.map(({ name, kind }) => `${name} ${kind}`)]).toEqual([1, ["name text", "v integer"]]);
  });

  it("names columns as pandas does where the header repeats or leaves out a name", async () => {
    const { columns } = await profileText("names.csv", "a,,a,A, b\n1,2,3,4,5\n");
    expect(columns.map(({ name }) => name)).toEqual(["a", "Unnamed: 1", "a.1", "A", " b"]);
  });

  it("fills short rows with missing values", async () => {
    const { columns } = await profileText("short.csv", "a,b\n1,2\n3\n");
    expect(columns[1]).toMatchObject({ missing: 1, distinct: 1 });
  });

  it("reads a file that mixes line ends, as concatenated ones do, and still refuses a row that is too long", async () => {
    const { rows, columns } = await profileText("mixed.csv", 'a,b\r\n1,"x\ny"\n2,z\r\n3,\n');
    expect([rows, columns.map(({ missing, distinct }) => [missing, distinct])]).toEqual([
      3,
      [
        [0, 3],
        [1, 2],
      ],
    ]);
    await expect(profileText("mixed.csv", "a,b\r\n1,2\n3,4,5\r\n")).rejects.toThrow(/2 values on line 3, got 3/);
    await expect(profileText("mixed.csv", "a,b\r\n1,2\n3,4,5")).rejects.toThrow(/2 values on line 3, got 3/);
  });

  it("does not count blank lines as rows of a one-column table", async () => {
    expect((await profileText("one.csv", "a\n1\n\n3\n\n")).rows).toBe(2);
  });

  it("reads a name with brackets and stars as a name", async () => {
    expect((await profileText("we[i]rd *.csv", "a\n1\n")).file).toBe("we[i]rd *.csv");
  });

  it("reads TSV, JSON Lines and Parquet alike", async () => {
    const parquet = join(folder, "table.parquet");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(
      `COPY (SELECT * FROM (VALUES (1, 'a b', DATE '2020-01-01', 1.5, [1]), (2, NULL, DATE '2020-02-01', 'NaN'::DOUBLE, NULL)) AS t(n, s, d, x, l)) TO '${parquet}' (FORMAT parquet)`,
    );
    connection.closeSync();
    const { columns } = await profileFile(parquet);
    expect(columns.map(({ name, kind, missing }) => [name, kind, missing])).toEqual([
      ["n", "integer", 0],
      ["s", "text", 1],
      ["d", "date", 0],
      ["x", "number", 1],
      ["l", "nested", 1],
    ]);
    const tsv = await profileText("t.tsv", "n\ts\n1\tx,y\n2\tz\n");
    const jsonl = await profileText("t.jsonl", '{"n":1,"s":"x,y"}\n{"n":2,"s":"z"}\n');
    expect(jsonl.columns).toEqual(tsv.columns);
  });

  it("reads a JSON record larger than the usual buffers", async () => {
    const [first, second] = (await profileText("large.json", JSON.stringify({ a: "x".repeat(18_000_000), b: 1 })))
      .columns;
    expect([first?.examples?.[0]?.length, second?.max]).toEqual([60, 1]);
  });

  it("leaves nothing behind in the temporary folder", async () => {
    const scratch = await mkdtemp(join(folder, "scratch-"));
    vi.stubEnv("TMPDIR", scratch);
    await profileText("tidy.csv", "a\n1\n").finally(() => vi.unstubAllEnvs());
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe("what is no table is refused with the file, the reason and the way out", () => {
  it.each<[string, string, string | Uint8Array, RegExp]>([
    ["a header without rows", "h.csv", "a,b\n", /`h\.csv`.*at least one row.*leave the file out/],
    ["an empty list", "e.json", "[]", /`e\.json`.*at least one row/],
    ["rows longer than the header", "r.csv", "a,b\n1,2\n3,4,5\n", /`r\.csv`.*2 values on line 3, got 3: mend the line/],
    ["binary content", "b.csv", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 1]), /`b\.csv`.*binary content.*UTF-8/],
    [
      "another encoding",
      "l.csv",
      new Uint8Array([0x61, 0x0a, 0xe9, 0x0a]),
      /`l\.csv`.*0xe9 on line 2, byte 1 of the line.*iconv/,
    ],
    ["JSON behind a byte order mark", "m.json", '\uFEFF[{"a":1}]', /`m\.json`.*byte order mark/],
    ["an open quote", "q.csv", 'a,b\n1,2\n3,"x\n4,5\n', /`q\.csv`.*line 3 opens a quote/],
    ["broken JSON", "j.json", '{"a": 1', /`j\.json`.*Malformed JSON/],
    ["something else called Parquet", "p.parquet", "no parquet", /`p\.parquet`.*Parquet file/],
    ["keys that differ only in case", "c.jsonl", '{"a":1,"A":2}\n', /`c\.jsonl`.*more than case/],
  ])("%s", async (_, name, content, message) => {
    const error = await profileText(name, content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });
});

describe.skipIf(!existsSync(suites))("the suites' tables (skipped where ../shared is absent)", () => {
  it("are all profiled", { timeout: 120_000 }, async () => {
    const tables = (await readdir(suites, { recursive: true })).filter((path) => /\.csv$/.test(path)).sort();
    expect(tables.length).toBeGreaterThan(50);
    for (const table of tables) {
      const profile = await profileFile(join(suites, table));
      expect(profile.columns.length, table).toBeGreaterThan(0);
      expect(JSON.stringify(profile), table).not.toContain("null");
    }
  });
});
