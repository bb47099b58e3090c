// Which columns of a dataset's tables find their values in a key of another table.
import { basename } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnProfile, FileProfile, Join } from "../domain/dataset.ts";
import { withDatabase, withScratch } from "./database.ts";
import { stemOf } from "./index.ts";
import { isKey } from "./keys.ts";
import { namesKey, wordsOf } from "./names.ts";
import { literal, measure, type TableSource } from "./table.ts";

const pairsTried = 300;
const joinsKept = 40;
const probed = 50;
/** The least share of the distinct values that has to be found: with the name as evidence, for numbers, and by the values alone. */
const least = { named: 0.5, numbers: 0.8, unnamed: 0.8 };
/** The least number of distinct values that evidence by values alone rests on. */
const leastMatches = 5;

type OpenFile = <T>(
  file: string,
  use: (connection: DuckDBConnection, sources: readonly TableSource[]) => Promise<T>,
) => Promise<T>;

interface Side {
  readonly table: number;
  readonly column: number;
  readonly profile: ColumnProfile;
  /** Its name's words, in the singular. */
  readonly words: readonly string[];
}

interface Candidate {
  readonly from: Side;
  readonly to: Side;
  readonly named: boolean;
  /** Whether the target names its rows; else both sides repeat. */
  readonly toKey: boolean;
}

/**
 * The profiles with the joins that start at each table. A join needs a target that names its rows (or, for many to many, an identifier
 * or part of a key of the same name), and a name that points there or texts that hardly meet by accident. Only the columns in question
 * are read again, into a database on disk.
 */
export async function joinsOf(tables: readonly FileProfile[], openFile: OpenFile): Promise<FileProfile[]> {
  const candidates = candidatesOf(tables).slice(0, pairsTried);
  if (candidates.length === 0) return [...tables];
  return withScratch(async (scratch) =>
    withDatabase(scratch, async (connection) => {
      await collect(connection, { tables, candidates, openFile, scratch });
      const found: { candidate: Candidate; share: number }[] = [];
      for (const candidate of candidates) {
        const share = await shareFound(connection, candidate);
        if (share !== undefined) found.push({ candidate, share });
      }
      return withFound(tables, best(found, tables));
    }),
  );
}

function candidatesOf(tables: readonly FileProfile[]): Candidate[] {
  const sides = tables.map((table, index) =>
    table.columns
      .map((profile, column): Side => ({ table: index, column, profile, words: wordsOf(profile.name).map(singular) }))
      .filter(joinable),
  );
  const candidates: Candidate[] = [];
  for (const [to, target] of tables.entries()) {
    const tableWords = wordsOf(target.sheet ?? stemOf(basename(target.file))).map(singular);
    for (const b of sides[to] ?? []) {
      const toKey = isKey(b.profile, target);
      const part = target.keys?.some((key) => key.length > 1 && key.includes(b.profile.name)) === true;
      if (!toKey && !part && !namesKey(b.profile.name)) continue;
      const numbers = isNumeric(b.profile);
      const date = b.profile.kind === "date";
      for (const a of sides.flatMap((own, from) => (from === to ? [] : own))) {
        if (numbers !== isNumeric(a.profile) || date !== (a.profile.kind === "date")) continue;
        if (numbers && !rangesMeet(a.profile, b.profile)) continue;
        const named = namePoints(a.words, b.words, tableWords);
        if (!toKey && (!named || a.profile.name !== b.profile.name || numbers || date)) continue;
        if (!named && (numbers || date)) continue;
        candidates.push({ from: a, to: b, named, toKey });
      }
    }
  }
  // What a name says comes first, where there are more pairs than are tried.
  return [...candidates.filter(({ named }) => named), ...candidates.filter(({ named }) => !named)];
}

function joinable({ profile }: Side): boolean {
  const { kind, distinct, asText } = profile;
  if (asText === true || distinct < 2) return false;
  return kind === "id" || kind === "category" || kind === "text" || kind === "integer" || kind === "date";
}

/** Whether a column holds whole numbers, if only as identifiers: two such columns meet by accident. */
function isNumeric({ kind, examples }: ColumnProfile): boolean {
  return (
    kind === "integer" || (kind === "id" && examples?.every((value) => /^-?(0|[1-9]\d*)(\.0+)?$/.test(value)) === true)
  );
}

function rangesMeet(a: ColumnProfile, b: ColumnProfile): boolean {
  if ([a.min, a.max, b.min, b.max].includes(undefined)) return true;
  return Number(a.min) <= Number(b.max) && Number(b.min) <= Number(a.max);
}

const everydayNames = new Set([
  "id",
  "key",
  "index",
  "code",
  "no",
  "nr",
  "number",
  "name",
  "value",
  "title",
  "type",
  "unnamed",
]);

/** Whether a column's name points at the other: the same name that is not everybody's, or the other table's name with its key's. */
function namePoints(a: readonly string[], b: readonly string[], table: readonly string[]): boolean {
  const everyday = (words: readonly string[]) =>
    words.length === 0 || words.every((word) => everydayNames.has(word) || /^\d+$/.test(word));
  const same = a.join(" ") === b.join(" ");
  if (same && !everyday(a)) return true;
  // merchant_category_code, merchant_category_codes.mcc
  if (a.length > 1 && a.join(" ") === table.join(" ")) return true;
  if (a.length > 1 && b.length === 1 && b[0] === a.map((word) => word[0]).join("")) return true;
  // customer_id, customers.id; customer, customers.id
  const tail = a.slice(-b.length).join(" ") === b.join(" ") ? a.slice(0, -b.length) : everyday(b) ? a : [];
  return tail.length > 0 && !everyday(tail) && tail.join(" ") === table.slice(-tail.length).join(" ");
}

function singular(word: string): string {
  if (/[^aeiou]ies$/.test(word)) return `${word.slice(0, -3)}y`;
  return /[^s]s$/.test(word) && word.length > 3 && !/(us|is)$/.test(word) ? word.slice(0, -1) : word;
}

/** Reads the distinct values of every column in question, each file once. */
async function collect(
  connection: DuckDBConnection,
  options: { tables: readonly FileProfile[]; candidates: readonly Candidate[]; openFile: OpenFile; scratch: string },
): Promise<void> {
  const { tables, candidates, openFile, scratch } = options;
  const wanted = new Map<number, Set<number>>();
  for (const side of candidates.flatMap(({ from, to }) => [from, to])) {
    wanted.set(side.table, (wanted.get(side.table) ?? new Set()).add(side.column));
  }
  for (const name of new Set(tables.map(({ file }) => file))) {
    const own = tables.map((table, index) => ({ table, index })).filter(({ table }) => table.file === name);
    if (!own.some(({ index }) => wanted.has(index))) continue;
    await openFile(name, async (reader, sources) => {
      for (const [place, { index }] of own.entries()) {
        const columns = [...(wanted.get(index) ?? [])].sort((x, y) => x - y);
        const source = sources[place];
        if (source === undefined || columns.length === 0) continue;
        // Through Parquet: two databases share nothing but files.
        const path = `${scratch}/columns-${index}`;
        const picked = columns.map((column) => {
          const profile = tables[index]?.columns[column];
          const text = `trim(c${column}::VARCHAR)`;
          return `${profile !== undefined && isNumeric(profile) ? `TRY_CAST(c${column} AS DOUBLE)::VARCHAR` : text} AS c${column}`;
        });
        await reader.run(
          `COPY (SELECT ${picked.join(", ")} FROM (${source.select})) TO ${literal(path)} (FORMAT parquet)`,
        );
        for (const column of columns) {
          await connection.run(
            `CREATE TABLE ${valuesOf({ table: index, column })} AS SELECT DISTINCT c${column} AS v FROM read_parquet(${literal(path)}) WHERE c${column} IS NOT NULL ORDER BY v`,
          );
        }
      }
    });
  }
}

function valuesOf({ table, column }: Pick<Side, "table" | "column">): string {
  return `values_${table}_${column}`;
}

/** The share of distinct values found in the target, or undefined where it is too little. */
async function shareFound(
  connection: DuckDBConnection,
  { from, to, named, toKey }: Candidate,
): Promise<number | undefined> {
  const enough = !named ? least.unnamed : isNumeric(from.profile) ? least.numbers : least.named;
  const count = async (source: string) => {
    const seen = await measure(connection, `(SELECT v, v IN (SELECT v FROM ${valuesOf(to)}) AS known FROM ${source})`, {
      all: "count(*)",
      known: "count(*) FILTER (known)",
    });
    return { ...seen, share: seen.all === 0 ? 0 : seen.known / seen.all };
  };
  // A few values first, spread over all: most pairs have nothing in common.
  const step = Math.max(1, Math.floor(from.profile.distinct / probed));
  const few = await count(`(SELECT v FROM ${valuesOf(from)} WHERE rowid % ${step} = 0)`);
  if (few.share < enough * 0.5) return undefined;
  const all = await count(valuesOf(from));
  if (all.share < enough) return undefined;
  if (!named && (all.known < leastMatches || all.known < 2)) return undefined;
  if (!toKey && all.known < 2) return undefined;
  return all.share;
}

/** One join for each column and target table, and of two that are the inverse of each other the one that finds more. */
function best(found: readonly { candidate: Candidate; share: number }[], tables: readonly FileProfile[]) {
  const ranked = [...found].sort(
    (x, y) =>
      Number(y.candidate.named) - Number(x.candidate.named) ||
      Number(y.candidate.toKey) - Number(x.candidate.toKey) ||
      y.share - x.share ||
      x.candidate.from.table - y.candidate.from.table ||
      x.candidate.from.column - y.candidate.from.column,
  );
  const taken = new Set<string>();
  const kept: typeof ranked = [];
  for (const one of ranked) {
    const { from, to } = one.candidate;
    const way = `${from.table}.${from.column}>${to.table}`;
    const inverse = `${to.table}.${to.column}=${from.table}.${from.column}`;
    if (taken.has(way) || taken.has(inverse)) continue;
    taken.add(way).add(`${from.table}.${from.column}=${to.table}.${to.column}`);
    kept.push(one);
  }
  return kept
    .slice(0, joinsKept)
    .map(({ candidate, share }) => ({ from: candidate.from, join: joinOf(candidate, share, tables) }));
}

function joinOf({ from, to, toKey }: Candidate, found: number, tables: readonly FileProfile[]): Join {
  const source = tables[from.table] as FileProfile;
  const target = tables[to.table] as FileProfile;
  const present = source.rows - from.profile.missing;
  return {
    column: from.profile.name,
    to: {
      file: target.file,
      ...(target.sheet !== undefined && { sheet: target.sheet }),
      column: to.profile.name,
    },
    shape: !toKey ? "many to many" : from.profile.distinct === present ? "one to one" : "many to one",
    found: Math.round(found * 1000) / 1000,
  };
}

function withFound(tables: readonly FileProfile[], found: readonly { from: Side; join: Join }[]): FileProfile[] {
  return tables.map((table, index) => {
    const joins = found
      .filter(({ from }) => from.table === index)
      .sort((a, b) => a.from.column - b.from.column)
      .map(({ join }) => join);
    return joins.length > 0 ? { ...table, joins } : table;
  });
}
