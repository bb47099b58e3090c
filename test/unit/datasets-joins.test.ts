import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeProfile } from "../../src/datasets/describe.ts";
import { formatOf } from "../../src/datasets/index.ts";
import { profileDataset } from "../../src/datasets/profile.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-joins-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const rows = (count: number, line: (row: number) => string) =>
  `${Array.from({ length: count }, (_, row) => line(row)).join("\n")}\n`;

async function relations(files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return relationsOf(Object.keys(files));
}

async function relationsOf(names: readonly string[], dir = folder): Promise<string[]> {
  const files = names.map((name) => ({ name, format: formatOf(name) ?? "csv", bytes: 1, sha256: name }));
  const text = describeProfile(await profileDataset({ id: "dataset_test", name: "test", files }, dir));
  return text.split("Likely keys and joins:\n")[1]?.split("\n") ?? [];
}

describe("keys", () => {
  it("are whole columns without repeats that identify by kind or name, not figures that happen to differ", async () => {
    const text = `sku,weight,price,note\n${rows(30, (row) => `A-${row + 100},${row * 7 + 3},${row}.25,free words ${row}`)}`;
    expect(await relations({ "parts.csv": text })).toEqual(['- "/data/parts.csv" key: "sku"']);
  });

  it("are pairs where no column is one, if chance alone would have made rows share them", async () => {
    const text = `symbol,date,price\n${rows(200, (row) => `${["A", "B", "C", "D"][row % 4]},2024-01-${String(1 + (Math.floor(row / 4) % 28)).padStart(2, "0")}x${Math.floor(row / 112)},${row % 7}`)}`;
    const daily = `symbol,date,price\n${rows(100, (row) => `${["A", "B", "C", "D"][row % 4]},2024-01-${String(1 + Math.floor(row / 4)).padStart(2, "0")},${row % 7}`)}`;
    expect(await relations({ "daily.csv": daily })).toEqual(['- "/data/daily.csv" key: "symbol", "date"']);
    expect(await relations({ "odd.csv": text.replaceAll(/x\d/g, "") })).toEqual([]);
  });
});

describe("joins", () => {
  it("lead from a column that is named after a table to that table's key, with the share found", async () => {
    const found = await relations({
      "customers.csv": `id,name\n${rows(50, (row) => `${row + 1},Customer ${row}`)}`,
      "orders.csv": `order_id,customer_id,total\n${rows(200, (row) => `${row + 900},${1 + ((row * 7) % 60)},${row}.5`)}`,
    });
    expect(found).toContain(
      '- "/data/orders.csv" "customer_id" joins "/data/customers.csv" "id": many to one, 83.3 % of values found',
    );
    expect(found.filter((line) => line.includes("joins"))).toHaveLength(1);
  });

  it("need no name where texts are found in a key", async () => {
    const codes = Array.from({ length: 40 }, (_, index) => `${"ABCDEFGH"[index % 8]}${"QRSTU"[index % 5]}${index}`);
    const found = await relations({
      "flights.csv": `origin,count\n${rows(120, (row) => `${codes[row % 20]},${row % 9}`)}`,
      "airports.csv": `iata,city\n${rows(40, (row) => `${codes[row]},City ${row % 3}`)}`,
    });
    expect(found).toContain(
      '- "/data/flights.csv" "origin" joins "/data/airports.csv" "iata": many to one, 100 % of values found',
    );
  });

  it("are not made of small whole numbers, running numbers or days that happen to overlap", async () => {
    const found = await relations({
      "a.csv": `id,score,year\n${rows(40, (row) => `${row + 1},${row % 11},${2000 + (row % 20)}`)}`,
      "b.csv": `id,rating,age\n${rows(60, (row) => `${row + 1},${row % 11},${row % 40}`)}`,
      "c.csv": `,v\n${rows(30, (row) => `${row},${row % 5}`)}`,
    });
    expect(found.filter((line) => line.includes("joins"))).toEqual([]);
  });

  it("are one to one where both sides name their rows, and told once", async () => {
    const found = await relations({
      "people.csv": `person_id,name\n${rows(30, (row) => `P${row},Name ${row}`)}`,
      "salaries.csv": `person_id,salary\n${rows(30, (row) => `P${29 - row},${row}00`)}`,
    });
    expect(found.filter((line) => line.includes("joins"))).toEqual([
      '- "/data/people.csv" "person_id" joins "/data/salaries.csv" "person_id": one to one, 100 % of values found',
    ]);
  });

  it("are many to many between parts of keys of one name", async () => {
    const days = (row: number) => `2024-01-${String(1 + Math.floor(row / 4)).padStart(2, "0")}`;
    const found = await relations({
      "prices.csv": `ticker,day,price\n${rows(100, (row) => `${["AA", "BB", "CC", "DD"][row % 4]},${days(row)},${row % 7}.5`)}`,
      "trades.csv": `ticker,day,volume\n${rows(100, (row) => `${["AA", "BB", "CC", "EE"][row % 4]},${days(row)},${row % 5}`)}`,
    });
    expect(found).toContain(
      '- "/data/prices.csv" "ticker" joins "/data/trades.csv" "ticker": many to many, 75 % of values found',
    );
  });

  it("are the same every time, also for the tables of vega-datasets", async () => {
    const tables = ["airports.csv", "flights-airport.csv", "lookup_groups.csv", "lookup_people.csv"];
    for (const table of tables) await copyFile(`node_modules/vega-datasets/data/${table}`, join(folder, table));
    const found = await relationsOf(tables);
    expect(found.filter((line) => line.includes("joins"))).toEqual([
      '- "/data/flights-airport.csv" "origin" joins "/data/airports.csv" "iata": many to one, 100 % of values found',
      '- "/data/flights-airport.csv" "destination" joins "/data/airports.csv" "iata": many to one, 100 % of values found',
      '- "/data/lookup_groups.csv" "person" joins "/data/lookup_people.csv" "name": one to one, 100 % of values found',
    ]);
    expect(await relationsOf(tables)).toEqual(found);
  });

  const dabstep = "../shared/suites/data/dabstep";
  it.skipIf(!existsSync(dabstep))("of DABStep's files (skipped where ../shared is absent)", async () => {
    const names = ["acquirer_countries.csv", "fees.json", "merchant_category_codes.csv", "merchant_data.json"];
    const found = await relationsOf(
      names.map((name) => basename(name)),
      dabstep,
    );
    expect(found.filter((line) => line.includes("joins"))).toEqual([
      '- "/data/merchant_data.json" "merchant_category_code" joins "/data/merchant_category_codes.csv" "mcc": many to one, 100 % of values found',
    ]);
  });
});
