// How the audit writes: plain text, no colour, no control characters from model output, every passage bounded.

/** `text` without the control and text-direction characters a terminal would obey; new lines and tabs stay. */
export function harmless(text: string): string {
  return text
    .replace(/\r\n/g, "\n")
    .replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, (found) => ("\n\t".includes(found) ? found : "\ufffd"));
}

/** `text` made harmless and cut to `limit` characters, saying how many are left out. */
export function bounded(text: string, limit: number): string {
  const clean = harmless(text);
  if (clean.length <= limit) return clean;
  return `${clean.slice(0, limit).trimEnd()} … (${count(clean.length - limit)} more characters)`;
}

/** `text` on one line, cut to `limit` characters with an ellipsis. */
export function oneLine(text: string, limit: number): string {
  const line = harmless(text).replace(/\s+/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

/** Each line of `text` with `prefix` in front. */
export function indent(text: string, prefix: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : prefix + line))
    .join("\n");
}

/** 12345 as `12,345`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** US dollars: cents, and more digits of less than a cent; `unknown` of null. */
export function dollars(value: number | null): string {
  if (value === null) return "unknown";
  if (value > 0 && value < 1e-6) return "<$0.000001";
  return `$${value > 0 && value < 0.01 ? value.toPrecision(1) : value.toFixed(2)}`;
}

/** `part` of `whole` as `12.3 %`; `-` of nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** Seconds as `42 s`, `3 min 05 s` or `2 h 07 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

const byteUnits = ["bytes", "kB", "MB", "GB", "TB"];

/** Bytes as `812 bytes` or `3.4 MB`. */
export function bytesText(bytes: number): string {
  let power = 0;
  let amount = bytes;
  for (; amount >= 1000 && power < byteUnits.length - 1; power++) amount /= 1000;
  return `${power === 0 ? amount : amount.toFixed(1)} ${byteUnits[power]}`;
}

/** A bar of `width` characters filled in proportion; anything above zero shows. */
export function bar(part: number, whole: number, width: number): string {
  if (whole <= 0 || part <= 0) return " ".repeat(width);
  const filled = Math.min(width, Math.max(1, Math.round((part / whole) * width)));
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Rows as aligned columns, two spaces between; columns in `right` are right-aligned; no trailing spaces. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `word` as a shell takes it: quoted where it has to be. */
export function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A model and what answers for it: `some-model at http://…`; a program's own words follow its name as they are. */
export function modelAt(model: string, endpoint: string): string {
  return endpoint.startsWith("a program") ? `${model}, ${endpoint}` : `${model} at ${endpoint}`;
}

/** One thing or several: `1 example`, `2 examples`, `3 queries`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : pluralOf(noun)}`;
}

function pluralOf(noun: string): string {
  if (/(s|x|ch|sh)$/.test(noun)) return `${noun}es`;
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
