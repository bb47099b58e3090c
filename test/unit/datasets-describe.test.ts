import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeProfile, profileCharacters } from "../../src/datasets/describe.ts";
import { profileDataset } from "../../src/datasets/profile.ts";
import type { ColumnProfile, FileProfile } from "../../src/domain/dataset.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-describe-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const long = "x".repeat(59);
const column = (name: string): ColumnProfile => ({
  name,
  kind: "category",
  missing: 12_345,
  distinct: 8,
  top: Array.from({ length: 8 }, (_, index) => ({ value: `${long}${index}`, rows: 1000 - index })),
});
const word = (index: number) =>
  `${"abcdefghijklmnopqrstuvwxyz"[index % 26]}${"abcdefghijklmnopqrstuvwxyz"[Math.floor(index / 26) % 26]}${"abcdefghijklmnopqrstuvwxyz"[Math.floor(index / 676)]}`;
const table = (file: string, columns: number, name = (index: number) => word(index)): FileProfile => ({
  file,
  rows: 1000,
  columns: Array.from({ length: columns }, (_, index) => column(name(index))),
  keys: [[name(0)]],
  joins: [{ column: name(1), to: { file: "other.csv", column: "id" }, shape: "many to one", found: 1 }],
});

describe("the profile's text is bounded for all files together", () => {
  it.each<[string, FileProfile[]]>([
    ["a thousand columns", [table("wide.csv", 1000)]],
    ["five thousand columns", [table("wide.csv", 5000)]],
    ["thirty wide files", Array.from({ length: 30 }, (_, index) => table(`t${index}.csv`, 500))],
    ["two thousand files", Array.from({ length: 2000 }, (_, index) => table(`t${index}.csv`, 3))],
    ["names that are longer than the text", [table("long.csv", 10, (index) => `${index}${"y".repeat(40_000)}`)]],
  ])("%s", (_, profile) => {
    const text = describeProfile(profile);
    expect(text.length).toBeLessThanOrEqual(profileCharacters);
    expect(text.length).toBeGreaterThan(100);
    expect(describeProfile(structuredClone(profile))).toBe(text);
    expect(text).toMatch(/ more (columns|files or sheets|keys and joins)/);
  });

  it("counts what it leaves out", () => {
    const lines = describeProfile([table("wide.csv", 1000)]).split("\n");
    const shown = lines.filter((line) => /^- "[a-z]{3}" category/.test(line)).length;
    expect(lines).toContain(`- … and ${1000 - shown} more columns`);
  });

  it("shows small files whole next to a large one", () => {
    const small: FileProfile = { file: "small.csv", rows: 9, columns: [column("only")] };
    const text = describeProfile([table("wide.csv", 2000), small]);
    expect(text).toContain(describeProfile([small]));
  });
});

it("groups the alike columns of a real wide table, and says what their values span", async () => {
  const names = ["id", ...Array.from({ length: 1199 }, (_, index) => `x_${index + 1}`), "label"];
  const line = (row: number) => names.map((name, index) => (name === "label" ? "ab"[row % 2] : row * index)).join(",");
  await writeFile(join(folder, "wide.csv"), `${[names.join(","), ...[1, 2, 3, 4].map(line)].join("\n")}\n`);
  const files = [{ name: "wide.csv", format: "csv" as const, bytes: 1, sha256: "" }];
  const [profile] = await profileDataset({ id: "dataset_test", name: "test", files }, folder);
  expect(profile?.columns).toHaveLength(1201);
  expect(describeProfile([profile as FileProfile])).toBe(
    `/data/wide.csv (CSV, 4 rows, 1201 columns)
- "id" id, 1 distinct; examples: "0"
- "x_1" … "x_1199" integer, 1199 columns alike, 4 distinct; min 1, max 4796
- "label" category, 2 distinct; top: "a" (2), "b" (2)`,
  );
});
