import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnProfile, TableProfile } from "../domain/dataset.ts";
import { namesKey, wordsOf } from "./names.ts";
import { identifier, measure } from "./table.ts";

const singlesShown = 3;
const pairsShown = 2;
const pairColumns = 12;
const pairsTried = 30;
const fewestRows = 3;
// So many rows that would share a value of the pair by chance: fewer, and that none does says nothing.
const surprisingRepeats = 3;

/**
 * The columns that likely name a row: whole, without repeats, and of a kind or name that identifies; where there is none, pairs of
 * columns that no two rows share although chance alone would have rows share them. `table` holds the rows in SQL, columns as `c0` ….
 */
export async function keysOf(connection: DuckDBConnection, table: string, profile: TableProfile): Promise<string[][]> {
  const { rows, columns } = profile;
  if (rows < fewestRows) return [];
  const singles = columns.filter((column) => isKey(column, profile));
  if (singles.length > 0) {
    return [...singles]
      .sort((a, b) => keyRank(a) - keyRank(b))
      .slice(0, singlesShown)
      .map(({ name }) => [name]);
  }
  const parts = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => column.missing === 0 && column.distinct > 1 && isKeyPart(column))
    .slice(0, pairColumns);
  const pairs: { names: string[]; index: [number, number] }[] = [];
  for (const [at, a] of parts.entries()) {
    for (const b of parts.slice(at + 1)) {
      const room = a.column.distinct * b.column.distinct;
      if (room < rows || (rows * rows) / (2 * room) < surprisingRepeats) continue;
      pairs.push({ names: [a.column.name, b.column.name], index: [a.index, b.index] });
    }
  }
  const keys: string[][] = [];
  for (const { names, index } of pairs.slice(0, pairsTried)) {
    if (keys.length === pairsShown) break;
    if (await unique(connection, table, index, rows)) keys.push(names);
  }
  return keys;
}

/** Whether a column names the rows of its table by itself. */
export function isKey(column: ColumnProfile, { rows, columns }: TableProfile): boolean {
  // The running number that a writer put in front says nothing of the row.
  if (/^Unnamed: \d+$/.test(column.name)) return false;
  if (column.missing > 0 || column.distinct !== rows || rows < fewestRows) return false;
  if (column.kind === "id") return true;
  const first = columns[0] === column;
  if (column.kind === "integer") {
    const running = Number(column.max) - Number(column.min) + 1 === rows;
    return column.asText !== true && (namesKey(column.name) || (running && first));
  }
  if (column.kind === "date") return first;
  if (column.kind !== "text") return false;
  // Free text repeats nothing either, but nobody looks a row up by it.
  return namesKey(column.name) || first || /^(name|title)$/.test(wordsOf(column.name).at(-1) ?? "");
}

function keyRank(column: ColumnProfile): number {
  return column.kind === "id" ? 0 : namesKey(column.name) ? 1 : 2;
}

function isKeyPart({ kind, name, asText }: ColumnProfile): boolean {
  if (kind === "id" || kind === "category" || kind === "date") return true;
  if (kind === "text") return namesKey(name) || /^(name|title)$/.test(wordsOf(name).at(-1) ?? "");
  const calendar = wordsOf(name).some((word) => /^(year|quarter|month|week|weekday|day|hour|date)$/.test(word));
  return kind === "integer" && asText !== true && (calendar || namesKey(name));
}

async function unique(
  connection: DuckDBConnection,
  table: string,
  [a, b]: readonly [number, number],
  rows: number,
): Promise<boolean> {
  const pair = `SELECT hash(${identifier(`c${a}`)}, ${identifier(`c${b}`)}) AS v FROM ${table}`;
  // Most pairs repeat soon.
  for (const limit of [10_000, rows]) {
    const seen = Math.min(limit, rows);
    // 64 bits of each pair are compared, in parts that fit in memory.
    const parts = Math.ceil(seen / 1_000_000);
    let distinct = 0;
    for (let part = 0; part < parts; part++) {
      const found = await measure(connection, `(${pair} WHERE rowid < ${seen}) WHERE v % ${parts} = ${part}`, {
        distinct: "count(DISTINCT v)",
      });
      distinct += found.distinct;
    }
    if (distinct !== seen) return false;
    if (seen === rows) return true;
  }
  return false;
}
