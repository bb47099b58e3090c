// Numbers as people write them: currency signs, percent signs, thousands separators, decimal commas, brackets for losses.
import type { DuckDBConnection } from "@duckdb/node-api";
import { literal, measure } from "./table.ts";

export interface WrittenNumbers {
  readonly kind: "money" | "percent" | "plain";
  /** The SQL that reads a text of the column as a number, NULL where it is none. */
  readonly number: string;
}

const currency =
  "(?:(?:US|CA|C|AU|A|NZ|HK|S|R)?[$]|[€£¥₹₽₩₺₴₦₫₪฿₱]|(?:USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|BRL|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|MXN|ZAR|TRY|KRW|SGD|HKD)|kr[.]?|zł|Fr[.])";
const sign = "[-+−]?";
const space = "[ \u00a0\u202f]?";

interface Grammar {
  readonly thousands: string;
  readonly decimal: "." | ",";
}
// 1,234.50 and 1.234,50; the first where a column fits both.
const grammars: readonly Grammar[] = [
  { thousands: ",", decimal: "." },
  { thousands: ".", decimal: "," },
];

// Read on the first values before the whole column is.
const valuesTried = 1000;
const enough = 0.95;

/**
 * How a column of `present` texts writes numbers, where at least 95 % of them are numbers of one form that no reader takes for one:
 * with a currency or percent sign, in brackets, with thousands separators or a decimal comma. Else undefined.
 */
export async function writtenNumbers(
  connection: DuckDBConnection,
  text: string,
  present: number,
): Promise<WrittenNumbers | undefined> {
  const all = `(SELECT ${text} AS v FROM t)`;
  const tried = Math.min(present, valuesTried);
  const first = `(SELECT v FROM ${all} WHERE v IS NOT NULL LIMIT ${valuesTried})`;
  for (const [source, values, share] of [
    [first, tried, 0.5],
    [all, present, enough],
  ] as const) {
    const read = await Promise.all(grammars.map((grammar) => look(connection, source, grammar)));
    const most = Math.max(...read.map((seen) => seen.any));
    if (most === 0 || most < values * share) return undefined;
    if (source === first) continue;
    const [point, comma] = read;
    if (point === undefined || comma === undefined) return undefined;
    // "€ 1.200" next to "€ 950" are thousands: money has no three decimals.
    const commaWins = comma.any > point.any || (comma.any === point.any && point.signed > 0 && point.thirds > 0);
    const best = commaWins ? 1 : 0;
    const seen = read[best];
    if (seen === undefined) return undefined;
    if (seen.percent > 0 && (seen.signed > 0 || seen.percent < seen.any)) return undefined;
    if (seen.percent === 0 && seen.signed === 0 && seen.separated === 0) return undefined;
    const kind = seen.percent > 0 ? "percent" : seen.signed > 0 ? "money" : "plain";
    return { kind, number: numberOf(text, grammars[best] as Grammar) };
  }
  return undefined;
}

function look(connection: DuckDBConnection, source: string, grammar: Grammar) {
  const { plain, money, percent, thousands, decimal } = forms(grammar);
  const is = (form: string) => `regexp_full_match(trim(v), ${literal(form)})`;
  const brackets = "(starts_with(trim(v), '(') = ends_with(trim(v), ')'))";
  return measure(connection, source, {
    any: `count(*) FILTER (${is(plain)} OR ${is(percent)} OR (${is(money)} AND ${brackets}))`,
    signed: `count(*) FILTER (${is(money)} AND ${brackets} AND NOT ${is(plain)} AND regexp_matches(v, '[^0-9.,+−\\s''’\u00a0\u202f-]'))`,
    percent: `count(*) FILTER (${is(percent)})`,
    separated: `count(*) FILTER (${is(plain)} AND (contains(v, ${literal(thousands)}) OR ${decimal === "," ? "contains(v, ',')" : "regexp_matches(v, '[''’\u00a0\u202f]')"}))`,
    thirds: `count(*) FILTER (regexp_matches(v, '\\d[.]\\d{3}(\\D|$)')) * (1 - sign(count(*) FILTER (regexp_matches(v, '[.]\\d{1,2}(\\D|$)|[.]\\d{4}|,'))))`,
  });
}

function forms({ thousands, decimal }: Grammar) {
  const fraction = `(?:[${decimal}]\\d+)?`;
  const grouped = (between: string) => `(?:[1-9]\\d{0,2}(?:[${between}]\\d{3})+|\\d+)${fraction}`;
  const close = `${thousands}'’\u00a0\u202f`;
  return {
    thousands,
    decimal,
    plain: `${sign}${grouped(close)}`,
    percent: `${sign}${space}${grouped(`${close} `)}${space}%`,
    money: `[(]?${sign}${space}${currency}?${space}${sign}${space}${grouped(`${close} `)}${space}${currency}?[)]?`,
  };
}

function numberOf(text: string, grammar: Grammar): string {
  const { plain, percent, money } = forms(grammar);
  const v = `trim(${text})`;
  const isNumber = [plain, percent, money].map((form) => `regexp_full_match(${v}, ${literal(form)})`).join(" OR ");
  const digits = `regexp_extract(${v}, '\\d[\\d.,''’ \u00a0\u202f]*')`;
  const bare =
    grammar.decimal === "."
      ? `regexp_replace(${digits}, '[^0-9.]', '', 'g')`
      : `replace(regexp_replace(${digits}, '[^0-9,]', '', 'g'), ',', '.')`;
  const negative = `regexp_matches(${v}, '^[(]|[-−]')`;
  return `CASE WHEN ${isNumber} THEN TRY_CAST(rtrim(${bare}, '.') AS DOUBLE) * CASE WHEN ${negative} THEN -1 ELSE 1 END END`;
}
