import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withDatabase } from "../../src/datasets/database.ts";
import { countDistinct, firstValues, quartiles } from "../../src/datasets/figures.ts";
import { query } from "../../src/datasets/table.ts";

// Large enough for the ways that are taken where a set or a ranking would not fit in memory.
const rows = 2_200_000;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-test-figures-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function inTable<T>(select: string, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  return withDatabase(folder, async (connection) => {
    await connection.run(`CREATE TABLE t AS ${select}`);
    return use(connection);
  });
}

it("counts distinct values of a large column exactly, though in parts", async () => {
  await inTable(
    `SELECT 'a value of some length, number ' || (i % 1500007)::VARCHAR AS v FROM range(${rows}) r(i)`,
    async (connection) => expect(await countDistinct(connection, "(SELECT v FROM t)", rows)).toBe(1_500_007),
  );
});

it("finds the quartiles of many numbers as the engine's own would be, infinities left out", async () => {
  const numbers = `SELECT CASE WHEN i % 1000 = 0 THEN 'inf'::DOUBLE WHEN i % 999 = 0 THEN NULL ELSE ((i * 7919) % 1000003) / 7 END AS v FROM range(${rows}) r(i)`;
  await inTable(numbers, async (connection) => {
    const [found] = await query(
      connection,
      "SELECT count(*) AS n, quantile_cont(v, [0.25, 0.5, 0.75])::VARCHAR AS q FROM t WHERE isfinite(v)",
    );
    const expected = JSON.parse(String(found?.q)) as number[];
    const middle = await quartiles(connection, "(SELECT v FROM t)", Number(found?.n));
    for (const [index, value] of middle.entries()) expect(value).toBeCloseTo(expected[index] ?? NaN, 9);
  });
});

it("finds the first three values in the order of the file, wherever they stand, and fewer where there are no more", async () => {
  const late = `SELECT CASE WHEN i < 20000 THEN 'first' WHEN i < 30000 THEN NULL WHEN i < 40000 THEN 'second' ELSE 'then ' || i END AS v FROM range(50000) r(i)`;
  await inTable(late, async (connection) =>
    expect(await firstValues(connection, "v", 50_000)).toEqual(["first", "second", "then 40000"]),
  );
  await inTable("SELECT 'only' AS v FROM range(50000)", async (connection) =>
    expect(await firstValues(connection, "v", 50_000)).toEqual(["only"]),
  );
});
