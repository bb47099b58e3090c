import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { writeXlsx } from "hucre/xlsx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeProfile } from "../../src/datasets/describe.ts";
import { formatOf } from "../../src/datasets/index.ts";
import { profileDataset } from "../../src/datasets/profile.ts";
import type { FileProfile } from "../../src/domain/dataset.ts";
import { UsageError } from "../../src/domain/errors.ts";
import { pythonPath } from "../../src/sandboxes/python.ts";

// The Python that bubblewrap shows to the inside, and whose packages the image has too.
const hasOpenpyxl = spawnSync(pythonPath, ["-c", "import pandas, openpyxl"]).status === 0;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-excel-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function profileOf(name: string, content?: string | Uint8Array) {
  if (content !== undefined) await writeFile(join(folder, name), content);
  const files = [{ name, format: formatOf(name) ?? "csv", bytes: 1, sha256: "" }];
  return profileDataset({ id: "dataset_test", name: "test", files }, folder);
}

async function problem(name: string, content?: string | Uint8Array): Promise<string> {
  const error = await profileOf(name, content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  return (error as Error).message;
}

const makeBook = `
import sys, datetime as d, openpyxl
from openpyxl.chart import BarChart
book = openpyxl.Workbook()
s = book.active
s.title = "Orders"
s.append(["order_id", "day", "when", "price", "share", "flag", "note", "mixed", "calc", "broken", 2020, "time"])
for i in range(30):
    s.append([i + 1, d.date(2024, 1, 1) + d.timedelta(days=i), d.datetime(2024, 1, 1, 10, 30, i), 10.5 * i, i / 30, i % 2 == 0,
              "note %d" % i if i % 3 else None, i if i % 2 else "x%d" % i, "=A%d*2" % (i + 2), "#DIV/0!" if i == 3 else i, i, d.time(9, i)])
    s.cell(i + 2, 4).number_format = '"$"#,##0.00'
    s.cell(i + 2, 5).number_format = "0.0%"
s = book.create_sheet("Behind empty rows")
for row, values in ((4, ("name", "v")), (5, ("a", 1)), (7, ("b", 2))):
    for column, value in enumerate(values): s.cell(row, column + 2, value)
s = book.create_sheet("Merged")
s["A1"] = "Group"
s.merge_cells("A1:C1")
s.append(["a", "b", "c"])
s.append([1, 2, 3])
book.create_sheet("Empty")
book.create_sheet("Header only").append(["x", "y"])
s = book.create_sheet("One column")
for row, value in ((3, "v"), (4, 5), (6, 7)): s.cell(row, 1, value)
s = book.create_sheet('Größe "quoted"')
for row in (["a", "a", None, "b", True, 1.5], [1, 2, 3, 4, 5, 6], ["x,y", "NA", ' "q" ', 4, 5, "line\\nbreak"]): s.append(row)
book.create_chartsheet("Chart").add_chart(BarChart())
book.save(sys.argv[1])
`;

const countSheets = `
import json, sys, pandas as pd
out = []
for name, t in pd.read_excel(sys.argv[1], sheet_name=None).items():
    if len(t): out.append([name, len(t), [[str(c), int(t[c].isna().sum()), int(t[c].nunique()),
        float(t[c].mean()) if t[c].dtype.kind in "if" and t[c].notna().any() else None] for c in t.columns]])
print(json.dumps(out))
`;

describe.skipIf(!hasOpenpyxl)(`Excel and pandas (skipped where ${pythonPath} has no openpyxl)`, () => {
  let book: FileProfile[];
  beforeAll(async () => {
    await promisify(execFile)(pythonPath, ["-c", makeBook, join(folder, "book.xlsx")]);
    book = await profileOf("book.xlsx");
  });

  it("agree on sheets, rows, columns, missing and distinct values and means", async () => {
    const { stdout } = await promisify(execFile)(pythonPath, ["-c", countSheets, join(folder, "book.xlsx")]);
    const expected = JSON.parse(stdout) as [string, number, [string, number, number, number | null][]][];
    const found = book.map(({ sheet, rows, columns }) => [
      sheet,
      rows,
      columns.map(({ name, missing, distinct }) => [name, missing, distinct]),
    ]);
    expect(found).toEqual(
      expected.map(([sheet, rows, columns]) => [sheet, rows, columns.map((column) => column.slice(0, 3))]),
    );
    expect(found.map(([sheet]) => sheet)).toContain("Merged");
    for (const { sheet, columns } of book) {
      const means = new Map(expected.find(([name]) => name === sheet)?.[2].map(([name, , , mean]) => [name, mean]));
      for (const { name, mean } of columns) if (mean !== undefined) expect(mean).toBeCloseTo(means.get(name) ?? NaN, 9);
    }
  });

  it("makes a table of every sheet with rows, with money, percent, days and flags as the workbook shows them", async () => {
    const lines = describeProfile(book).split("\n");
    expect(lines[0]).toBe('/data/book.xlsx sheet "Orders" (XLSX, 30 rows, 12 columns)');
    expect(lines).toContain('/data/book.xlsx sheet "Größe \\"quoted\\"" (XLSX, 2 rows, 6 columns)');
    expect(lines).toContain('- "/data/book.xlsx sheet \\"Orders\\"" key: "order_id"');
    const kinds = book[0]?.columns.map(({ name, kind }) => `${name} ${kind}`);
    expect(kinds).toEqual(
      "order_id id,day date,when date,price money,share percent,flag boolean,note text,mixed text,calc text,broken integer,2020 integer,time text".split(
        ",",
      ),
    );
  });
});

describe("what is no workbook that can be read says what it is and the way out", () => {
  const book = () => writeXlsx({ sheets: [{ name: "S", rows: [["a"], [1]] }] });

  it("something else under the name, an old workbook, a zip archive, a cut one, nothing but a header", async () => {
    expect(await problem("text.xlsx", "a,b\n1,2\n")).toMatch(/`text\.xlsx`.*got something else/);
    expect(await problem("old.xlsx", new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0]))).toMatch(
      /old Excel file \(\.xls\).*save it as \.xlsx or CSV/,
    );
    const whole = await book();
    const other = Buffer.from(whole).toString("latin1").replaceAll("workbook.xml", "workbook.xyz");
    expect(await problem("zip.xlsx", Buffer.from(other, "latin1"))).toMatch(/zip archive that is none/);
    expect(await problem("cut.xlsx", whole.subarray(0, whole.length - 100))).toMatch(/cut or damaged.*again/);
    const header = await writeXlsx({ sheets: [{ name: "S", rows: [["a", "b"]] }] });
    expect(await problem("header.xlsx", header)).toMatch(/a sheet with a header and rows, got none \(1 sheet\)/);
  });

  it("a workbook behind a password", async () => {
    const locked = await writeXlsx({
      sheets: [{ name: "S", rows: [["a"], [1]] }],
      encryption: { password: "secret", spinCount: 10 },
    });
    expect(await problem("locked.xlsx", locked)).toMatch(/protected by a password: save a copy without/);
  });

  it("a bomb, by the sizes that it states or by none", async () => {
    for (const stated of [0xfffffff0, 0]) {
      const bomb = Buffer.from(await book());
      const entry = bomb.indexOf("xl/worksheets/sheet1.xml", bomb.indexOf(Buffer.from([0x50, 0x4b, 1, 2])));
      bomb.writeUInt32LE(stated, entry - 46 + 24);
      expect(await problem("bomb.xlsx", bomb)).toMatch(/at most 2048 MiB in `xl\/worksheets\/sheet1\.xml`/);
    }
  });

  it("text called Excel the other way round", async () => {
    expect(await problem("book.csv", await book())).toMatch(/`book\.csv`.*zip archive.*\.xlsx/);
  });
});

describe("gzip", () => {
  it("reads CSV, TSV, JSON and JSON Lines as they are unpacked, in one part or several", async () => {
    const csv = "n,s\n1,a\n2,b\n";
    const plain = await profileOf("t.csv", csv);
    const forms: [string, Uint8Array][] = [
      ["t.csv.gz", gzipSync(csv)],
      ["parts.csv.gz", Buffer.concat([gzipSync(csv.slice(0, 9)), gzipSync(csv.slice(9))])],
      ["t.tsv.gz", gzipSync(csv.replaceAll(",", "\t"))],
      ["t.json.gz", gzipSync('[{"n":1,"s":"a"},{"n":2,"s":"b"}]')],
      ["t.jsonl.gz", gzipSync('{"n":1,"s":"a"}\n{"n":2,"s":"b"}\n')],
      ["t.NDJSON.GZ", gzipSync('{"n":1,"s":"a"}\n{"n":2,"s":"b"}\n')],
    ];
    for (const [name, content] of forms) {
      expect((await profileOf(name, content))[0], name).toEqual({ ...plain[0], file: name });
    }
    expect(describeProfile(await profileOf("t.csv.gz")).split("\n")[0]).toBe(
      "/data/t.csv.gz (CSV gzip, 2 rows, 2 columns)",
    );
  });

  it("tells a cut file, damage, and what is not gzipped or is under a plain name", async () => {
    const whole = gzipSync(`a,b\n${"1,2\n".repeat(100_000)}`);
    expect(await problem("cut.csv.gz", whole.subarray(0, 300))).toMatch(/data that ends after [\d,]+ unpacked bytes/);
    expect(await problem("cut.jsonl.gz", gzipSync('{"a":1}\n').subarray(0, 12))).toMatch(/whole gzip data/);
    expect(await problem("plain.csv.gz", "a,b\n1,2\n")).toMatch(/take `\.gz` off its name/);
    expect(await problem("packed.csv", whole)).toMatch(/gzip data: add `\.gz` to its name/);
    const damaged = Buffer.from(gzipSync(await readFile("node_modules/vega-datasets/data/airports.csv")));
    damaged[Math.floor(damaged.length / 2)] = (damaged[Math.floor(damaged.length / 2)] ?? 0) ^ 0xff;
    expect(await problem("damaged.csv.gz", damaged)).toMatch(/damage after|UTF-8|values on line|ends after|quote/);
  });
});

describe("texts in other encodings say where, and the command that mends them", () => {
  it.each<[string, string, Uint8Array, RegExp]>([
    [
      "UTF-16 with its mark",
      "u.csv",
      Buffer.from("\ufeffa,b\n1,2\n", "utf16le"),
      /UTF-16 \(little endian\).*iconv -f UTF-16 /,
    ],
    ["UTF-16 without", "v.csv", Buffer.from("a,b\n1,2\n", "utf16le"), /UTF-16 \(little.*without a mark\).*-f UTF-16LE/],
    ["UTF-16 JSON", "w.json", Buffer.from('\ufeff[{"a":1}]', "utf16le"), /JSON in UTF-8, got UTF-16/],
    [
      "Latin-1 far down",
      "l.csv",
      Buffer.from(`a,b\n${"xx,yy\n".repeat(100_000)}zz,é\n`, "latin1"),
      /0xe9 on line 100002, byte 4 of the line \(byte 600,008 /,
    ],
    ["Latin-1 at the very end", "m.csv", Buffer.from("a,b\n1,é", "latin1"), /0xe9 on line 2, byte 3/],
    ["Latin-1 in JSON Lines", "n.jsonl", Buffer.from('{"a":"x"}\n{"a":"é"}\n', "latin1"), /0xe9 on line 2, byte 7/],
    ["nothing but blanks", "b.csv", Buffer.from("\n  \n"), /no text at all/],
  ])("%s", async (_, name, content, message) => {
    expect(await problem(name, content)).toMatch(message);
  });

  it("but letters of any script in UTF-8 pass, also across the pieces in which a file is read", async () => {
    const [table] = await profileOf("wide.csv", `a,b\n${"數據€é,x\n".repeat(60_000)}`);
    expect(table?.columns[0]).toMatchObject({ distinct: 1, top: [{ value: "數據€é", rows: 60_000 }] });
  });
});
