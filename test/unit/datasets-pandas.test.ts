import { execFile, spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/datasets/index.ts";
import { profileDataset } from "../../src/datasets/profile.ts";

// The agent reads these files with pandas: what the profile says has to be what it finds.
const python = "/usr/bin/python3";
const hasPandas = spawnSync(python, ["-c", "import pandas"]).status === 0;
const folder = "node_modules/vega-datasets/data";
const tables = [
  "airports.csv",
  "birdstrikes.csv",
  "disasters.csv",
  "la-riots.csv",
  "stocks.csv",
  "unemployment.tsv",
  "us-employment.csv",
  "zipcodes.csv",
  "barley.json",
  "cars.json",
  "football.json",
  "gapminder.json",
  "movies.json",
  "penguins.json",
];

const count = `
import json, sys, pandas as pd
out = {}
for path in sys.argv[1:]:
    if path.endswith(".json"):
        t = pd.read_json(path, convert_dates=False, dtype=False)
    else:
        t = pd.read_csv(path, sep="\\t" if path.endswith(".tsv") else ",", low_memory=False)
    out[path] = [[str(n), int(t[n].isna().sum()), int(t[n].nunique()), len(t),
                  float(t[n].mean()) if t[n].dtype.kind in "if" else None] for n in t.columns]
print(json.dumps(out))
`;

describe.skipIf(!hasPandas)(`profiles and pandas (skipped where ${python} has none)`, () => {
  it("agree on columns, rows, missing and distinct values and means", { timeout: 60_000 }, async () => {
    const paths = tables.map((table) => resolve(folder, table));
    const { stdout } = await promisify(execFile)(python, ["-c", count, ...paths]);
    const found = JSON.parse(stdout) as Record<string, [string, number, number, number, number | null][]>;
    for (const [index, name] of tables.entries()) {
      const format = formatOf(name) ?? "csv";
      const files = [{ name, format, bytes: 1, sha256: "" }];
      const path = join(dirname(paths[index] ?? ""), name);
      const [profile] = await profileDataset({ id: "dataset_test", name, files }, dirname(path));
      const counted = profile?.columns.map((column) => [column.name, column.missing, column.distinct, profile.rows]);
      expect(counted, name).toEqual(found[path]?.map((column) => column.slice(0, 4)));
      for (const [position, column] of (profile?.columns ?? []).entries()) {
        const mean = found[path]?.[position]?.[4];
        if (column.mean !== undefined && typeof mean === "number") expect(column.mean / mean, name).toBeCloseTo(1, 10);
      }
    }
  });
});
