import type { DuckDBConnection } from "@duckdb/node-api";
import { query } from "./table.ts";

// Ambiguous 01/02/2016 is read month first, as pandas does, unless day first reads more of the column.
const dateFormats = [
  "%Y-%m-%d",
  "%Y-%m-%d %H:%M:%S",
  "%Y-%m-%d %H:%M",
  "%Y-%m-%dT%H:%M:%S",
  "%Y-%m-%dT%H:%M:%SZ",
  "%Y-%m-%dT%H:%M:%S.%fZ",
  "%Y-%m-%dT%H:%M:%S.%f",
  "%Y-%m-%d %H:%M:%S.%f",
  "%Y-%m-%dT%H:%M:%S%z",
  "%Y-%m-%d %H:%M:%S%z",
  "%Y-%m-%dT%H:%M",
  "%Y/%m/%d",
  "%Y/%m/%d %H:%M",
  "%Y/%m/%d %H:%M:%S",
  "%Y-%m",
  "%m/%d/%Y",
  "%d/%m/%Y",
  "%m/%d/%y",
  "%d/%m/%y",
  "%m/%d/%Y %H:%M",
  "%d/%m/%Y %H:%M",
  "%m/%d/%Y %H:%M:%S",
  "%d/%m/%Y %H:%M:%S",
  "%m/%d/%Y %I:%M:%S %p",
  "%m-%d-%Y",
  "%d-%m-%Y",
  "%d.%m.%Y",
  "%b %d %Y",
  "%b %d, %Y",
  "%B %d, %Y",
  "%d %b %Y",
  "%d %B %Y",
  "%d-%b-%Y",
  "%d-%b-%y",
  "%b %Y",
  "%B %Y",
  "%b %d %Y %I:%M:%S %p",
  "%Y%m%d",
  "%a, %d %b %Y %H:%M:%S",
];

// Forms are tried on the first values; the best of them has to hold for the whole column.
const valuesTried = 1000;

/** The SQL that reads a column of texts as timestamps, or undefined where fewer than 95 % of its `present` texts are dates of one form. */
export async function dateExpression(
  connection: DuckDBConnection,
  text: string,
  present: number,
): Promise<string | undefined> {
  const first = `SELECT v FROM (SELECT ${text} AS v FROM t) WHERE v IS NOT NULL LIMIT ${valuesTried}`;
  const found = await countDates(connection, first, dateFormats);
  const most = Math.max(...found);
  if (most === 0 || most < Math.min(present, valuesTried) * 0.5) return undefined;
  const rivals = dateFormats.filter((_, index) => (found[index] ?? 0) >= most * 0.5);
  const counted = await countDates(connection, `SELECT ${text} AS v FROM t`, rivals);
  const all = Math.max(...counted);
  return all >= present * 0.95 ? `try_strptime(${text}, '${rivals[counted.indexOf(all)]}')::TIMESTAMP` : undefined;
}

async function countDates(connection: DuckDBConnection, values: string, formats: readonly string[]): Promise<number[]> {
  // A form with a four-digit year also reads "19-Jan-18", as the year 18.
  const tried = formats.map(
    (format, index) => `count(*) FILTER (year(try_strptime(v, '${format}')) >= 1000) AS f${index}`,
  );
  const [parsed] = await query(connection, `SELECT ${tried.join(", ")} FROM (${values})`);
  return formats.map((_, index) => Number(parsed?.[`f${index}`]));
}
