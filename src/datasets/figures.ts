// Figures over one column of the table `t`, in memory that does not grow with the table.
import type { DuckDBConnection } from "@duckdb/node-api";
import { literal, measure, query } from "./table.ts";

const topShown = 8;
const examplesShown = 3;
const textLimit = 60;
// What a set of distinct values may take at once, and how many numbers are ranked in memory.
const setBytes = 48 * 1024 * 1024;
const rankedInMemory = 2_000_000;
const smallTable = 10_000;

/** The exact number of distinct values of an expression called `v` in `source`; a large set is counted in parts, by hash. */
export async function countDistinct(connection: DuckDBConnection, source: string, rows: number): Promise<number> {
  let parts = 1;
  if (rows > 100_000) {
    const rough = await measure(connection, source, {
      distinct: "approx_count_distinct(v)",
      bytes: "coalesce(avg(strlen(v::VARCHAR)), 0)",
    });
    parts = Math.max(1, Math.ceil((rough.distinct * (rough.bytes + 48)) / setBytes));
  }
  let total = 0;
  for (let part = 0; part < parts; part++) {
    const where = parts === 1 ? "" : ` WHERE hash(v) % ${parts} = ${part}`;
    total += (await measure(connection, `${source}${where}`, { distinct: "count(DISTINCT v)" })).distinct;
  }
  return total;
}

/** The three quartiles of the finite numbers `v` in `source`, of which there are `count`; many are sorted on disk. */
export async function quartiles(
  connection: DuckDBConnection,
  source: string,
  count: number,
): Promise<[number, number, number]> {
  if (count <= rankedInMemory) {
    const found = await measure(connection, `${source} WHERE isfinite(v)`, {
      q1: "quantile_cont(v, 0.25)",
      q2: "quantile_cont(v, 0.5)",
      q3: "quantile_cont(v, 0.75)",
    });
    return [found.q1, found.q2, found.q3];
  }
  await connection.run(`CREATE OR REPLACE TABLE sorted AS SELECT v FROM ${source} WHERE isfinite(v) ORDER BY v`);
  const ranks = [0.25, 0.5, 0.75].map((share) => share * (count - 1));
  const places = ranks.flatMap((rank) => [Math.floor(rank), Math.ceil(rank)]);
  const found = await query(
    connection,
    `SELECT rowid AS place, v FROM sorted WHERE rowid IN (${[...new Set(places)].join(", ")})`,
  );
  await connection.run("DROP TABLE sorted");
  const at = new Map(found.map((row) => [Number(row.place), Number(row.v)]));
  const [q1 = 0, q2 = 0, q3 = 0] = ranks.map((rank) => {
    const low = at.get(Math.floor(rank)) ?? 0;
    return low + ((at.get(Math.ceil(rank)) ?? 0) - low) * (rank - Math.floor(rank));
  });
  return [q1, q2, q3];
}

/** How many rows miss a value of the expression, and how many distinct values it has. */
export async function counts(connection: DuckDBConnection, text: string, rows: number) {
  const source = `(SELECT ${text} AS v FROM t)`;
  const { present } = await measure(connection, source, { present: "count(v)" });
  return { missing: rows - present, distinct: await countDistinct(connection, source, rows) };
}

/** The most frequent values; ties in the order of `order`. For columns of few distinct values. */
export async function topValues(connection: DuckDBConnection, text: string, order: string) {
  const found = await query(
    connection,
    `SELECT ${bounded("v")} AS value, count(*) AS n FROM (SELECT ${text} AS v FROM t) WHERE v IS NOT NULL
     GROUP BY v ORDER BY n DESC, ${order} LIMIT ${topShown}`,
  );
  return found.map((row) => ({ value: String(row.value), rows: Number(row.n) }));
}

/** The first distinct values in the order of the file. */
export async function firstValues(connection: DuckDBConnection, text: string, rows: number): Promise<string[]> {
  const among = (where: string) => `(SELECT ${text} AS v, rowid AS position FROM t ${where})`;
  const found = await query(
    connection,
    `SELECT ${bounded("v")} AS value FROM ${among(`WHERE rowid < ${smallTable}`)} WHERE v IS NOT NULL
     GROUP BY v ORDER BY min(position) LIMIT ${examplesShown}`,
  );
  if (found.length === examplesShown || rows <= smallTable) return found.map((row) => String(row.value));
  // One after the other: a set of all values could be larger than memory.
  const values: string[] = [];
  const places: number[] = [];
  while (values.length < examplesShown) {
    const known = places.length === 0 ? "" : `AND v NOT IN (SELECT ${text} FROM t WHERE rowid IN (${places}))`;
    const [next] = await query(
      connection,
      `SELECT min(position) AS place FROM ${among("")} WHERE v IS NOT NULL ${known}`,
    );
    if (next?.place === null || next?.place === undefined) break;
    const place = Number(next.place);
    const [row] = await query(connection, `SELECT ${bounded("v")} AS value FROM ${among(`WHERE rowid = ${place}`)}`);
    values.push(String(row?.value));
    places.push(place);
  }
  return values;
}

function bounded(text: string): string {
  return `CASE WHEN length(${text}) > ${textLimit} THEN ${text}[:${textLimit - 1}] || ${literal("…")} ELSE ${text} END`;
}
