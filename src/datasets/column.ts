import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnProfile } from "../domain/dataset.ts";
import { dateExpression } from "./dates.ts";
import { countDistinct, counts, firstValues, quartiles, topValues } from "./figures.ts";
import { measureNamed, namesIdentifier } from "./names.ts";
import { measure, query, type TableColumn } from "./table.ts";
import { writtenNumbers } from "./written-numbers.ts";

const topDistinctLimit = 20;
// So many rows are measured in one query; more in several, each within memory.
const oneQueryRows = 100_000;

/** What one stored column of `t` means to people: its kind is decided by its values, its name only where values leave it open. */
export async function profileColumn(
  connection: DuckDBConnection,
  stored: string,
  column: TableColumn,
  rows: number,
): Promise<ColumnProfile> {
  const { name, holds } = column;
  const text = `${stored}::VARCHAR`;
  if (holds === "number") return profileNumbers(connection, column, { number: `${stored}::DOUBLE`, text, rows });
  if (holds === "date") return profileDates(connection, name, `${stored}::TIMESTAMP`, text, rows);
  if (holds === "boolean") return profileLabels(connection, name, "boolean", text, rows);
  if (holds === "nested") return profileTexts(connection, name, "nested", text, rows);
  return profileWritten(connection, column, text, rows);
}

/** A column of texts: numbers, dates and flags where every (of dates: nearly every) text is one, else labels or free text. */
async function profileWritten(
  connection: DuckDBConnection,
  column: TableColumn,
  text: string,
  rows: number,
): Promise<ColumnProfile> {
  const { name } = column;
  const source = `(SELECT ${text} AS v FROM t)`;
  const seen = await measure(connection, source, {
    present: "count(v)",
    numbers: "count(TRY_CAST(v AS DOUBLE)) FILTER (NOT contains(v, '_'))",
    booleans: "count(*) FILTER (lower(v) IN ('true', 'false'))",
    padded: "count(*) FILTER (regexp_matches(v, '^0[0-9]'))",
    spaced: "count(*) FILTER (regexp_matches(v, '\\s|^\\d{1,2}:\\d\\d'))",
    shortest: "min(length(v))",
    longest: "max(length(v))",
  });
  const { present } = seen;
  if (present === 0) return { name, kind: "text", missing: rows, distinct: 0 };
  const sameLength = seen.longest - seen.shortest <= 1;
  if (seen.numbers === present) {
    // 00501 is a code written in digits, whatever a reader makes of it.
    if (seen.padded > 0 && sameLength && seen.longest > 1) return profileTexts(connection, name, "id", text, rows);
    return profileNumbers(connection, column, { number: `TRY_CAST(${text} AS DOUBLE)`, text, rows });
  }
  if (seen.booleans === present) return profileLabels(connection, name, "boolean", text, rows);
  // Neither a number nor a date is as long as some texts are, and looking at megabytes takes its time.
  const short = seen.longest > 100 ? `CASE WHEN strlen(${text}) <= 100 THEN ${text} END` : text;
  const written = namesIdentifier(name) ? undefined : await writtenNumbers(connection, short, present);
  if (written !== undefined) return profileWrittenNumbers(connection, column, { ...written, text, rows });
  const date = await dateExpression(connection, short, present);
  if (date !== undefined) return profileDates(connection, name, date, text, rows);
  const distinct = await countDistinct(connection, source, rows);
  const unique = distinct === rows;
  if (namesIdentifier(name) || (unique && rows >= topDistinctLimit && seen.spaced === 0 && sameLength)) {
    return profileTexts(connection, name, "id", text, rows, distinct);
  }
  const repeats = distinct <= 50 ? 2 : 10;
  const isCategory = distinct <= 1000 && present >= repeats * distinct;
  return isCategory
    ? profileLabels(connection, name, "category", text, rows)
    : profileTexts(connection, name, "text", text, rows, distinct);
}

async function profileNumbers(
  connection: DuckDBConnection,
  column: TableColumn,
  { number, text, rows }: { number: string; text: string; rows: number },
): Promise<ColumnProfile> {
  const { name } = column;
  const source = `(SELECT ${number} AS v FROM t)`;
  const found = await range(connection, source, rows);
  const distinct =
    found.distinct ?? (await countDistinct(connection, `(SELECT v FROM ${source} WHERE NOT isnan(v))`, rows));
  const missing = rows - found.present;
  if (found.finite === 0) return { name, kind: "number", missing, distinct };
  const whole = found.whole === found.present;
  const counter = whole && distinct === rows && /^(Unnamed: \d+|index|key)$/i.test(name);
  const scale = Math.max(Math.abs(found.minimum), Math.abs(found.maximum));
  if (whole && (counter || scale > Number.MAX_SAFE_INTEGER || namesIdentifier(name))) {
    // Beyond exact doubles two numbers may be one: there the texts are counted.
    return profileTexts(connection, name, "id", text, rows, scale > Number.MAX_SAFE_INTEGER ? undefined : distinct);
  }
  if (whole && found.minimum >= 18000101 && found.maximum <= 21001231 && distinct >= 3) {
    const date = `try_strptime(${text}, '%Y%m%d')`;
    const { dates } = await measure(connection, `(SELECT ${date} AS v FROM t)`, { dates: "count(v)" });
    if (dates === found.present) return profileDates(connection, name, date, text, rows);
  }
  const top = whole && distinct <= topDistinctLimit && distinct * 2 <= found.present;
  return {
    name,
    kind: column.shownAs ?? measureNamed(name) ?? (whole ? "integer" : "number"),
    missing,
    distinct,
    ...(await spread(connection, source, found)),
    ...(top && {
      top: await topValues(
        connection,
        `CASE WHEN isfinite(${number}) THEN (${number})::BIGINT::VARCHAR END`,
        "(v)::BIGINT",
      ),
    }),
  };
}

async function profileWrittenNumbers(
  connection: DuckDBConnection,
  { name }: TableColumn,
  written: { kind: "money" | "percent" | "plain"; number: string; text: string; rows: number },
): Promise<ColumnProfile> {
  const source = `(SELECT ${written.number} AS v FROM t)`;
  const found = await range(connection, source, written.rows);
  const plain = measureNamed(name) ?? (found.whole === found.present ? "integer" : "number");
  return {
    name,
    kind: written.kind === "plain" ? plain : written.kind,
    asText: true,
    ...(await counts(connection, written.text, written.rows)),
    ...(await spread(connection, source, found)),
    examples: await firstValues(connection, written.text, written.rows),
  };
}

interface Range {
  readonly present: number;
  readonly finite: number;
  readonly whole: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Of small tables. */
  readonly distinct?: number;
  readonly q1?: number;
  readonly q2?: number;
  readonly q3?: number;
}

function range(connection: DuckDBConnection, source: string, rows: number): Promise<Range> {
  const finite = "FILTER (isfinite(v))";
  const measures = {
    present: "count(*) FILTER (NOT isnan(v))",
    finite: `count(*) ${finite}`,
    whole: "count(*) FILTER (isfinite(v) AND v = trunc(v))",
    minimum: `min(v) ${finite}`,
    maximum: `max(v) ${finite}`,
    mean: `favg(v) ${finite}`,
  };
  if (rows > oneQueryRows) return measure(connection, source, measures);
  return measure(connection, source, {
    ...measures,
    distinct: "count(DISTINCT v) FILTER (NOT isnan(v))",
    q1: `quantile_cont(v, 0.25) ${finite}`,
    q2: `quantile_cont(v, 0.5) ${finite}`,
    q3: `quantile_cont(v, 0.75) ${finite}`,
  });
}

async function spread(connection: DuckDBConnection, source: string, found: Range) {
  const { minimum, maximum, mean, q1, q2, q3 } = found;
  const scale = Math.max(Math.abs(minimum), Math.abs(maximum));
  const known = q1 !== undefined && q2 !== undefined && q3 !== undefined;
  const middle: [number, number, number] = known ? [q1, q2, q3] : await quartiles(connection, source, found.finite);
  return {
    min: minimum,
    quartiles: middle,
    max: maximum,
    // A standardized column's mean is the rounding error of its sum.
    mean: Math.abs(mean) < scale * 1e-13 ? 0 : mean,
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
    `SELECT count(v) AS present, count(*) FILTER (d <> date_trunc('day', d)) AS timed,
       strftime(min(d), '%Y-%m-%d %H:%M:%S') AS earliest, strftime(max(d), '%Y-%m-%d %H:%M:%S') AS latest,
       count(*) FILTER (v <> strftime(d, '%Y-%m-%d') AND v <> strftime(d, '%Y-%m-%d %H:%M:%S')) AS foreign_form
     FROM (SELECT ${text} AS v, CASE WHEN isfinite(${date}) THEN ${date} END AS d FROM t)`,
  );
  const shown = (value: unknown) => (Number(found?.timed) > 0 ? String(value) : String(value).slice(0, 10));
  const missing = rows - Number(found?.present);
  const distinct = await countDistinct(connection, `(SELECT ${text} AS v FROM t)`, rows);
  if (found?.earliest === null) return { name, kind: "date", missing, distinct };
  return {
    name,
    kind: "date",
    missing,
    distinct,
    min: shown(found?.earliest),
    max: shown(found?.latest),
    // Someone who has to parse "Jan 1 2000" must see that it is written so.
    ...(Number(found?.foreign_form) > 0 && { examples: await firstValues(connection, text, rows) }),
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
  known?: number,
): Promise<ColumnProfile> {
  const counted =
    known === undefined
      ? await counts(connection, text, rows)
      : { ...(await missingOf(connection, text, rows)), distinct: known };
  return { name, kind, ...counted, examples: await firstValues(connection, text, rows) };
}

async function missingOf(connection: DuckDBConnection, text: string, rows: number) {
  const { present } = await measure(connection, `(SELECT ${text} AS v FROM t)`, { present: "count(v)" });
  return { missing: rows - present };
}
