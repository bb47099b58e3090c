import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeProfile } from "../../src/datasets/describe.ts";
import { profileDataset } from "../../src/datasets/profile.ts";
import type { ColumnProfile } from "../../src/domain/dataset.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-numbers-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function profileOf(values: readonly string[], name = "v") {
  const lines = values.map((value) => `"${value.replaceAll('"', '""')}",1`);
  await writeFile(join(folder, "numbers.csv"), [`"${name}",other`, ...lines, ""].join("\n"));
  const files = [{ name: "numbers.csv", format: "csv" as const, bytes: 1, sha256: "" }];
  return profileDataset({ id: "dataset_test", name: "test", files }, folder);
}

async function columnOf(values: readonly string[], name = "v"): Promise<ColumnProfile> {
  return (await profileOf(values, name))[0]?.columns[0] as ColumnProfile;
}

const kindOf = ({ kind, asText }: ColumnProfile) => `${kind}${asText === true ? " as text" : ""}`;

describe("numbers as people write them", () => {
  it.each<[string, string, readonly string[], readonly [number, number]]>([
    ["dollars with thousands", "money as text", ["$1,234.50", "$5", "-$7.25"], [-7.25, 1234.5]],
    ["euros with a decimal comma", "money as text", ["€ 12,00", "€ 1.250,75", "€ 3,10"], [3.1, 1250.75]],
    ["euros behind the number", "money as text", ["12,50 €", "9 €"], [9, 12.5]],
    ["euros in thousands without cents", "money as text", ["€ 1.200", "€ 950"], [950, 1200]],
    ["a currency's code", "money as text", ["USD 12.50", "USD 1,000"], [12.5, 1000]],
    ["losses in brackets", "money as text", ["(1,200)", "3,400", "12"], [-1200, 3400]],
    ["pounds in brackets", "money as text", ["(£12.00)", "£3.50"], [-12, 3.5]],
    ["percent with a space", "percent as text", ["45 %", "7 %"], [7, 45]],
    ["percent with a point", "percent as text", ["12.5%", "-3%"], [-3, 12.5]],
    ["percent with a comma", "percent as text", ["12,5 %", "0,5 %"], [0.5, 12.5]],
    ["thousands separators", "integer as text", ["5,350,380", "5,683,580"], [5350380, 5683580]],
    ["thousands with apostrophes", "integer as text", ["1'200", "950"], [950, 1200]],
    ["a decimal comma", "number as text", ["3,5", "12,25"], [3.5, 12.25]],
    ["dots in thousands and a decimal comma", "number as text", ["1.234,5", "2.000,25"], [1234.5, 2000.25]],
  ])("%s are %s", async (_, kind, values, [min, max]) => {
    const column = await columnOf(values);
    expect([kindOf(column), column.min, column.max]).toEqual([kind, min, max]);
    expect(column.examples).toEqual(values);
    expect(column.quartiles).toHaveLength(3);
  });

  it.each<[string, readonly string[]]>([
    ["percent among dollars", ["$5", "7 %", "$8"]],
    ["abbreviated millions", ["$1.2M", "$3M"]],
    ["lists of whole numbers", ["1,2", "3,4,5", "6,7"]],
    ["phone numbers", ["555 123 456", "030 111 222"]],
    ["dates with dots", ["1.2", "1.2.3", "4.5.6.7"]],
    ["an open bracket", ["(1,200", "(3,400"]],
  ])("%s are text", async (_, values) => {
    expect(kindOf(await columnOf(values))).toBe("text");
  });

  it("allows a few values that are no numbers, and counts missing values as pandas does", async () => {
    const column = await columnOf([...Array.from({ length: 39 }, (_, index) => `$${index}.50`), "on request", ""]);
    expect(column).toMatchObject({ kind: "money", asText: true, missing: 1, distinct: 40, min: 0.5, max: 38.5 });
  });

  it("does not let an id that looks like money become money", async () => {
    expect((await columnOf(["$12", "$13"], "item_id")).kind).toBe("id");
  });
});

describe("plain numbers are money or percent where their name leaves little doubt", () => {
  it.each<[string, string]>([
    ["price", "money"],
    ["Cost (USD)", "money"],
    ["unitPrice", "money"],
    ["amount_eur", "money"],
    ["Cost__Total_$", "money"],
    ["annual_salary", "money"],
    ["percent_change", "percent"],
    ["pct_urban", "percent"],
    ["Share %", "percent"],
    ["price_index", "number"],
    ["cost_ratio", "number"],
    ["wage_growth", "number"],
    ["amount", "number"],
    ["sales", "number"],
    ["percentile", "number"],
    ["pct_rank", "number"],
    ["score", "number"],
  ])("%s is %s", async (name, kind) => {
    expect(kindOf(await columnOf(["1.5", "2.5", "7.5"], name))).toBe(kind);
  });
});

it("shows money and percent as the contract of the profile text says", async () => {
  const text = describeProfile(await profileOf(["$1,234.50", "$5.00", ""], "amount due"));
  expect(text.split("\n")[1]).toBe(
    '- "amount due" money as text, 2 distinct, 1 missing; min 5, quartiles 312.375 / 619.75 / 927.125, max 1234.5, mean 619.75; examples: "$1,234.50", "$5.00"',
  );
});
