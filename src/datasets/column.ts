import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnProfile } from "../domain/dataset.ts";
import { dateExpression } from "./dates.ts";
import { literal, query, type TableColumn } from "./table.ts";

const topShown = 8;
const topDistinctLimit = 20;
const examplesShown = 3;
const textLimit = 60;

/** What one stored column means to people: its kind is decided by its values, its name only tells identifiers from counts. */
export async function profileColumn(
  connection: DuckDBConnection,
  stored: string,
  column: TableColumn,
  rows: number,
): Promise<ColumnProfile> {
  const { name, holds } = column;
  if (holds === "number") return profileNumbers(connection, name, `${stored}::DOUBLE`, `${stored}::VARCHAR`, rows);
  if (holds === "date") return profileDates(connection, name, `${stored}::TIMESTAMP`, `${stored}::VARCHAR`, rows);
  if (holds === "boolean") return profileLabels(connection, name, "boolean", `${stored}::VARCHAR`, rows);
  if (holds === "nested") return profileTexts(connection, name, "nested", `${stored}::VARCHAR`, rows);
  return profileWritten(connection, name, stored, rows);
}

/** A column of texts: numbers, dates and flags where every (of dates: nearly every) text is one, else labels or free text. */
async function profileWritten(
  connection: DuckDBConnection,
  name: string,
  stored: string,
  rows: number,
): Promise<ColumnProfile> {
  const text = `${stored}::VARCHAR`;
  const seen = await measure(connection, text, {
    present: "count(v)",
    distinct: "count(DISTINCT v)",
    numbers: "count(TRY_CAST(v AS DOUBLE)) FILTER (NOT contains(v, '_'))",
    booleans: "count(*) FILTER (lower(v) IN ('true', 'false'))",
    padded: "count(*) FILTER (regexp_matches(v, '^0[0-9]'))",
    spaced: "count(*) FILTER (regexp_matches(v, '\\s'))",
    shortest: "min(length(v))",
    longest: "max(length(v))",
  });
  const { present, distinct } = seen;
  if (present === 0) return { name, kind: "text", missing: rows, distinct: 0 };
  const sameLength = seen.longest - seen.shortest <= 1;
  if (seen.numbers === present) {
    // 00501 is a code written in digits, whatever a reader makes of it.
    if (seen.padded > 0 && sameLength && seen.longest > 1) return profileTexts(connection, name, "id", text, rows);
    return profileNumbers(connection, name, `TRY_CAST(${text} AS DOUBLE)`, text, rows);
  }
  if (seen.booleans === present) return profileLabels(connection, name, "boolean", text, rows);
  const date = await dateExpression(connection, text, present);
  if (date !== undefined) return profileDates(connection, name, date, text, rows);
  const unique = distinct === rows;
  if (namesIdentifier(name) || (unique && rows >= topDistinctLimit && seen.spaced === 0 && sameLength)) {
    return profileTexts(connection, name, "id", text, rows);
  }
  const repeats = distinct <= 50 ? 2 : 10;
  const isCategory = distinct <= 1000 && present >= repeats * distinct;
  return isCategory
    ? profileLabels(connection, name, "category", text, rows)
    : profileTexts(connection, name, "text", text, rows);
}

async function profileNumbers(
  connection: DuckDBConnection,
  name: string,
  number: string,
  text: string,
  rows: number,
): Promise<ColumnProfile> {
  const finite = "FILTER (isfinite(v))";
  const found = await measure(connection, number, {
    present: "count(*) FILTER (NOT isnan(v))",
    distinct: "count(DISTINCT v) FILTER (NOT isnan(v))",
    finite: `count(*) ${finite}`,
    whole: "count(*) FILTER (isfinite(v) AND v = trunc(v))",
    minimum: `min(v) ${finite}`,
    maximum: `max(v) ${finite}`,
    mean: `favg(v) ${finite}`,
    q1: `quantile_cont(v, 0.25) ${finite}`,
    q2: `quantile_cont(v, 0.5) ${finite}`,
    q3: `quantile_cont(v, 0.75) ${finite}`,
  });
  const { distinct } = found;
  const missing = rows - found.present;
  if (found.finite === 0) return { name, kind: "number", missing, distinct };
  const whole = found.whole === found.present;
  const counter = whole && distinct === rows && /^(Unnamed: \d+|index|key)$/i.test(name);
  const scale = Math.max(Math.abs(found.minimum), Math.abs(found.maximum));
  if (whole && (counter || scale > Number.MAX_SAFE_INTEGER || namesIdentifier(name))) {
    return profileTexts(connection, name, "id", text, rows);
  }
  if (whole && found.minimum >= 18000101 && found.maximum <= 21001231 && distinct >= 3) {
    const date = `try_strptime(${text}, '%Y%m%d')`;
    const { dates } = await measure(connection, date, { dates: "count(v)" });
    if (dates === found.present) return profileDates(connection, name, date, text, rows);
  }
  const top = whole && distinct <= topDistinctLimit && distinct * 2 <= found.present;
  // A standardized column's mean is the rounding error of its sum.
  const mean = Math.abs(found.mean) < scale * 1e-13 ? 0 : found.mean;
  return {
    name,
    kind: whole ? "integer" : "number",
    missing,
    distinct,
    min: found.minimum,
    quartiles: [found.q1, found.q2, found.q3],
    max: found.maximum,
    mean,
    ...(top && {
      top: await topValues(
        connection,
        `CASE WHEN isfinite(${number}) THEN (${number})::BIGINT::VARCHAR END`,
        "(v)::BIGINT",
      ),
    }),
  };
}

async function profileDates(
  connection: DuckDBConnection,
  name: string,
  date: string,
  text: string,
  rows: number,
): Promise<ColumnProfile> {
  const [found] = await query(
    connection,
    `SELECT count(v) AS present, count(DISTINCT v) AS distinct_values, count(*) FILTER (d <> date_trunc('day', d)) AS timed,
       strftime(min(d), '%Y-%m-%d %H:%M:%S') AS earliest, strftime(max(d), '%Y-%m-%d %H:%M:%S') AS latest,
       count(*) FILTER (v <> strftime(d, '%Y-%m-%d') AND v <> strftime(d, '%Y-%m-%d %H:%M:%S')) AS foreign_form
     FROM (SELECT ${text} AS v, CASE WHEN isfinite(${date}) THEN ${date} END AS d FROM t)`,
  );
  const shown = (value: unknown) => (Number(found?.timed) > 0 ? String(value) : String(value).slice(0, 10));
  const missing = rows - Number(found?.present);
  const distinct = Number(found?.distinct_values);
  if (found?.earliest === null) return { name, kind: "date", missing, distinct };
  return {
    name,
    kind: "date",
    missing,
    distinct,
    min: shown(found?.earliest),
    max: shown(found?.latest),
    // Someone who has to parse "Jan 1 2000" must see that it is written so.
    ...(Number(found?.foreign_form) > 0 && { examples: await firstValues(connection, text) }),
  };
}

async function profileLabels(
  connection: DuckDBConnection,
  name: string,
  kind: "category" | "boolean",
  text: string,
  rows: number,
): Promise<ColumnProfile> {
  return { name, kind, ...(await counts(connection, text, rows)), top: await topValues(connection, text, "v") };
}

async function profileTexts(
  connection: DuckDBConnection,
  name: string,
  kind: "text" | "id" | "nested",
  text: string,
  rows: number,
): Promise<ColumnProfile> {
  return { name, kind, ...(await counts(connection, text, rows)), examples: await firstValues(connection, text) };
}

async function counts(connection: DuckDBConnection, text: string, rows: number) {
  const { present, distinct } = await measure(connection, text, { present: "count(v)", distinct: "count(DISTINCT v)" });
  return { missing: rows - present, distinct };
}

/** The most frequent values; ties in the order of `order`. */
async function topValues(connection: DuckDBConnection, text: string, order: string) {
  const found = await query(
    connection,
    `SELECT ${bounded("v")} AS value, count(*) AS n FROM (SELECT ${text} AS v FROM t) WHERE v IS NOT NULL
     GROUP BY v ORDER BY n DESC, ${order} LIMIT ${topShown}`,
  );
  return found.map((row) => ({ value: String(row.value), rows: Number(row.n) }));
}

/** The first distinct values in the order of the file. */
async function firstValues(connection: DuckDBConnection, text: string): Promise<string[]> {
  const found = await query(
    connection,
    `SELECT ${bounded("v")} AS value FROM (SELECT ${text} AS v, rowid AS position FROM t) WHERE v IS NOT NULL
     GROUP BY v ORDER BY min(position) LIMIT ${examplesShown}`,
  );
  return found.map((row) => String(row.value));
}

function bounded(text: string): string {
  return `CASE WHEN length(${text}) > ${textLimit} THEN ${text}[:${textLimit - 1}] || ${literal("…")} ELSE ${text} END`;
}

function namesIdentifier(name: string): boolean {
  return /(^|[_\s.-])(id|uuid|guid)$|^id[_\s]/i.test(name) || /[a-z](Id|ID)$/.test(name);
}

/** Numbers measured over one expression, called `v` in the measures. */
async function measure<Name extends string>(
  connection: DuckDBConnection,
  expression: string,
  measures: Record<Name, string>,
): Promise<Record<Name, number>> {
  const named = Object.entries<string>(measures).map(([name, sql]) => `${sql} AS "${name}"`);
  const [row] = await query(connection, `SELECT ${named.join(", ")} FROM (SELECT ${expression} AS v FROM t)`);
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)])) as Record<
    Name,
    number
  >;
}
