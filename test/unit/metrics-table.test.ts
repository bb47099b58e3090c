import { describe, expect, test } from "vitest";
import type { SubmissionFile } from "../../src/domain/submission.ts";
import { score } from "../../src/domain/trajectory.ts";
import { table } from "../../src/metrics/table.ts";

const truth = "id,price,note\n1,10,a\n2,20,b\n3,30,c\n4,40,d\n";
const kept = (sha256: string, bytes = 1): SubmissionFile => ({
  path: "/scratch/s.csv",
  bytes,
  sha256,
  diverged: false,
});

/** What `table` finds of a submission's bytes; the reference's are `truth` unless told. */
async function measured(
  submitted: string | Uint8Array | SubmissionFile | null,
  params: Record<string, unknown> = {},
  reference: string | Uint8Array = truth,
) {
  const isBytes = typeof submitted === "string" || submitted instanceof Uint8Array;
  const texts: Record<string, string | Uint8Array> = { truth: reference, mine: isBytes ? submitted : "" };
  const found = await table.score({
    reference: {
      answer: "",
      metric: "table",
      params: { target: "price", ...params },
      file: { sha256: "truth", bytes: 1 },
    },
    submission: "done",
    file: isBytes ? kept("mine") : submitted,
    read: async (sha256) => Buffer.from(texts[sha256] ?? ""),
  });
  expect(score.parse(found).metric).toBe("table");
  return found;
}

describe("the metric table", () => {
  test.each([
    [
      "the same rows in another order, other columns' order, quotes and CRLF",
      '\ufeffprice,id\r\n40,"4"\r\n"10",1\r\n30,3\r\n\r\n20, 2\r\n',
      {},
      1,
    ],
    ["a number written otherwise", "id,price\n1,10.0\n2,2e1\n3,+30\n4,40.\n", {}, 1],
    ["one row wrong", "id,price\n1,10\n2,20\n3,30\n4,41\n", {}, 0.75],
    ["one empty cell", "id,price\n1,10\n2,\n3,30\n4,40\n", {}, 0.75],
    ["one row wrong, all asked for", "id,price\n1,10\n2,20\n3,30\n4,41\n", { measure: "exact" }, 0],
    ["a row within an absolute tolerance", "id,price\n1,10\n2,20\n3,30\n4,41\n", { measure: "exact", absolute: 1 }, 1],
    [
      "a row within a relative tolerance",
      "id,price\n1,10\n2,20\n3,33.1\n4,44\n",
      { measure: "within", relative: 0.1 },
      0.75,
    ],
    ["the best constant", "id,price\n1,25\n2,25\n3,25\n4,25\n", { measure: "r2" }, 0],
    ["half the error of the best constant", "id,price\n1,17.5\n2,22.5\n3,27.5\n4,32.5\n", { measure: "rmse" }, 0.5],
    [
      "half the error of the best constant, squared",
      "id,price\n1,17.5\n2,22.5\n3,27.5\n4,32.5\n",
      { measure: "r2" },
      0.75,
    ],
    ["half the distance", "id,price\n1,17.5\n2,22.5\n3,27.5\n4,32.5\n", { measure: "mae" }, 0.5],
    ["worse than the best constant", "id,price\n1,1e300\n2,20\n3,30\n4,40\n", { measure: "rmse" }, 0],
    ["all right", "id,price\n1,10\n2,20\n3,30\n4,40\n", { measure: "mae" }, 1],
    ["another text in another case", "id,price\n1,10\n2,20\n3,30\n4,forty\n", {}, 0.75],
  ])("%s", async (_name, submitted, params, value) => {
    const found = await measured(submitted, params);
    expect(found.value, found.reason).toBeCloseTo(value, 12);
    expect(found.reason).not.toContain("invalid_submission");
  });

  const labels = "id,price\n1,0\n2,0\n3,1\n4,1\n";
  test.each([
    ["in the right order", "0.1,0.2,0.3,0.9", 1],
    ["one of four pairs the wrong way round", "0.1,0.4,0.35,0.8", 0.75],
    ["all the same", "7,7,7,7", 0.5],
    ["a tie across", "1,2,2,3", 0.875],
    ["upside down", "9,8,2,1", 0],
  ])("auc of rows %s", async (_name, given, value) => {
    const submitted = `id,price\n${given
      .split(",")
      .map((number, row) => `${row + 1},${number}\n`)
      .join("")}`;
    expect((await measured(submitted, { measure: "auc" }, labels)).value).toBe(value);
    expect((await measured(submitted, { measure: "auc" })).value).toBeNull(); // the reference is no label
    expect(
      (await measured(submitted.replace(given.split(",")[0] ?? "", "nan"), { measure: "auc" }, labels)).value,
    ).toBe(0);
  });

  test("keys of several columns name a row together", async () => {
    const reference = "shop,day,price\na,1,5\na,2,6\nb,1,7\n";
    const right = "day,shop,price\n1,b,7\n2,a,6\n1,a,5\n";
    expect(await measured(right, { key: ["shop", "day"] }, reference)).toMatchObject({ value: 1 });
    expect(await measured("shop,price\na,5\n", { key: ["shop", "day"] }, reference)).toMatchObject({
      value: 0,
      reason: expect.stringContaining(
        "invalid_submission: expected the columns `shop`, `day`, `price`, got none called `day`",
      ),
    });
  });

  const rows = "1,10\n2,20\n3,30\n4,40\n";
  test.each<[string, string | Uint8Array | SubmissionFile | null, RegExp, Record<string, unknown>?]>([
    [
      "no file",
      { path: "/scratch/s.csv", refused: "missing", detail: "there is no `s.csv`", diverged: false },
      /missing: there is no `s.csv`/,
    ],
    ["a link", { path: "/scratch/s.csv", refused: "linked", detail: "d", diverged: false }, /linked: d/],
    ["none asked for", null, /no file was asked for/],
    ["empty", "", /the file is empty/],
    ["blank", "\n\n", /holds no line/],
    ["a header alone", "id,price\n", /no rows/],
    ["no such column", `id,cost\n${rows}`, /expected the columns `id`, `price`, got none called `price`/],
    ["a column too many", "id,price,score\n1,10,1\n", /`id`, `price` alone, got `score` besides/],
    ["pandas' index", ",id,price\n0,1,10\n", /alone, got `` besides/],
    ["a column twice", "id,price,price\n1,10,10\n", /`price` stands in the header twice/],
    ["too few rows", "id,price\n1,10\n2,20\n", /2 of 4 keys have no row, `3` among them/],
    ["a key twice", `id,price\n${rows}4,40\n`, /the key `4` stands in two rows/],
    ["a key not asked for", `id,price\n${rows}5,40\n`, /row 5 has the key `5`, which was not asked for/],
    ["a key written otherwise", "id,price\n1.0,10\n", /row 1 has the key `1.0`, which was not asked for/],
    ["ragged", "id,price\n1\n", /row 1 has 1 cells, the header 2/],
    ["nan", "id,price\n1,nan\n", /expected a number in `price` for the key `1`, got `nan`/, { measure: "rmse" }],
    ["inf", "id,price\n1,inf\n", /got `inf`/, { measure: "r2" }],
    ["more than a number holds", "id,price\n1,1e999\n", /got `1e999`/, { measure: "r2" }],
    ["a decimal comma", 'id,price\n1,"1,5"\n', /got `1,5`/, { measure: "mae" }],
    ["a formula", 'id,price\n1,"=1+9"\n', /got `=1\+9`/, { measure: "within" }],
    ["a quote never closed", `id,price\n1,"10\n${rows}`, /quote that is never closed/],
    ["a quote in mid-cell", 'id,price\n1,1"0\n', /is no CSV/],
    ["ten million columns", "a,".repeat(10_000_000), /its first record is longer than 65536 bytes/],
    ["a cell of 5 MB", `id,price\n1,${"9".repeat(5_000_000)}\n`, /longer than 65536 bytes/],
    ["rows without end", `id,price\n${rows.repeat(200_000)}`, /stands in two rows/],
    ["a zip", Buffer.from("504b0304140000000800", "hex"), /a zip archive/],
    ["gzip", Buffer.from("1f8b0800", "hex"), /gzip/],
    ["a pickle", Buffer.from("80049526", "hex"), /a pickle/],
    ["a pickle of protocol 0", "cos\nsystem\n(S'touch /tmp/x'\ntR.", /expected the columns/],
    ["Parquet", "PAR1....", /Parquet/],
    ["UTF-16", Buffer.from("\ufeffid,price\n1,10\n", "utf16le"), /UTF-8/],
    ["NUL", "id,price\n1,1\0\n", /NUL/],
    ["Latin-1", Buffer.from("id,price\n1,\xe4\n", "latin1"), /UTF-8/],
    [
      "XML with an entity",
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
      /is no CSV|expected the columns/,
    ],
  ])("%s is an invalid submission", async (_name, submitted, why, params) => {
    const found = await measured(submitted, params);
    expect(found).toMatchObject({ value: 0, reason: expect.stringMatching(/^invalid_submission: /) });
    expect(found.reason).toMatch(why);
  });

  test.each<[string, Record<string, unknown>, string | Uint8Array, RegExp]>([
    ["params that make no sense", { measure: "best" }, truth, /usable params/],
    ["no such column", { target: "cost" }, truth, /none called `cost`/],
    ["a key twice", {}, `${truth}1,10,a\n`, /two rows/],
    ["an empty cell", {}, `${truth}5,,a\n`, /expected a value in row 5/],
    ["text where numbers are measured", { target: "note", measure: "rmse" }, truth, /expected a number in row 1/],
    ["values that are all the same", { measure: "r2" }, "id,price\n1,5\n2,5\n", /need.* values that differ/],
    ["a workbook", {}, Buffer.from("504b0304140000000800", "hex"), /zip/],
  ])("a reference with %s leaves the file unscored", async (_name, params, reference, why) => {
    const found = await measured("id,price\n1,10\n", params, reference);
    expect(found.value).toBeNull();
    expect(found.reason).toMatch(why);
  });

  test("bytes that are gone are nobody's score", async () => {
    const gone = () => Promise.reject(new Error("gone"));
    const reference = { answer: "", metric: "table", params: { target: "price" }, file: { sha256: "t", bytes: 1 } };
    await expect(table.score({ reference, submission: null, file: kept("m"), read: gone })).rejects.toThrow("gone");
  });
});
