import { UsageError } from "../domain/errors.ts";
import { bytesOf, headOf, refuseOtherThanText, utf8Watch } from "./bytes.ts";
import { type FileToRead, literal, type TableFormat } from "./table.ts";

export const csv: TableFormat = delimited([".csv"], [",", ";", "\t", "|"]);
export const tsv: TableFormat = delimited([".tsv"], ["\t"]);

/** What pandas reads as missing: the profile has to say what the agent will find. */
export const missingTexts = [
  "",
  "#N/A",
  "#N/A N/A",
  "#NA",
  "-NaN",
  "-nan",
  "<NA>",
  "N/A",
  "NA",
  "NULL",
  "NaN",
  "n/a",
  "nan",
  "null",
];
const [quote, lineFeed, carriageReturn] = [34, 10, 13];
const headBytes = 4 * 1024 * 1024;
const what = "a table of text";

function delimited(extensions: readonly string[], delimiters: readonly string[]): TableFormat {
  return {
    extensions,
    mayBeGzip: true,
    async open(_connection, file) {
      const head = await readHead(file);
      const delimiter =
        delimiters.find((candidate) => parseHeader(head, candidate).names.length > 1) ?? delimiters[0] ?? ",";
      const { names, newline } = parseHeader(head, delimiter);
      const columns = uniqueNames(names);
      const { mixedLineEnds } = await scan(file, { delimiter, newline, columns: columns.length });
      const oneColumn = columns.length === 1;
      const options = [
        "auto_detect = false",
        "header = true",
        `compression = '${file.gzip ? "gzip" : "none"}'`,
        `delim = ${literal(delimiter)}`,
        `quote = '"'`,
        `escape = '"'`,
        // DuckDB reads mixed line ends only where it is lenient about all else, which the scan was not.
        ...(mixedLineEnds ? ["strict_mode = false"] : [`new_line = '${newline}'`]),
        `nullstr = [${missingTexts
          .filter((text) => !(oneColumn && text === ""))
          .map(literal)
          .join(", ")}]`,
        // As pandas does: a short row is missing its last values, a long row is an error.
        "null_padding = true",
        "parallel = false",
        `columns = {${columns.map((_, index) => `'c${index}': 'VARCHAR'`).join(", ")}}`,
      ];
      // In a table of one column a blank line is no row, as for pandas; in a wider one DuckDB skips it itself.
      const where = oneColumn ? "WHERE c0 IS NULL OR c0 <> ''" : "";
      return [
        {
          columns: columns.map((name) => ({ name, holds: "text" })),
          select: `SELECT * FROM read_csv(${literal(file.path)}, ${options.join(", ")}) ${where}`,
        },
      ];
    },
  };
}

async function readHead(file: FileToRead): Promise<string> {
  const bytes = await headOf(file, headBytes);
  refuseOtherThanText(bytes, what);
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  if (text.trim() === "") {
    throw new UsageError("expected a header line and rows, got no text at all: leave the file out or fill it");
  }
  return text;
}

/** The first record's fields by RFC 4180, and how the file ends its lines. */
function parseHeader(head: string, delimiter: string): { names: string[]; newline: "\\n" | "\\r\\n" | "\\r" } {
  const names: string[] = [];
  let field = "";
  let quoted = false;
  let position = 0;
  for (; position < head.length; position++) {
    const character = head[position];
    if (quoted) {
      if (character !== '"') field += character;
      else if (head[position + 1] === '"') field += head[++position];
      else quoted = false;
    } else if (character === '"' && field === "") quoted = true;
    else if (character === delimiter) {
      names.push(field);
      field = "";
    } else if (character === "\n" || character === "\r") break;
    else field += character;
  }
  if (quoted) throw new UsageError("expected a header line, got a quote that is never closed: close it");
  const end = head.slice(position, position + 2);
  return { names: [...names, field], newline: end === "\r\n" ? "\\r\\n" : end.startsWith("\r") ? "\\r" : "\\n" };
}

/**
 * Reads a file for what DuckDB does not tell, or not with its place: bytes that are no UTF-8, rows that an unclosed quote swallows, and
 * rows that are too long. @throws {UsageError} naming the line.
 */
async function scan(
  file: FileToRead,
  { delimiter, newline, columns }: { delimiter: string; newline: string; columns: number },
): Promise<{ mixedLineEnds: boolean }> {
  const separator = delimiter.charCodeAt(0);
  const lineEnd = newline === "\\r" ? carriageReturn : lineFeed;
  const encoding = utf8Watch(what);
  let state: "start" | "plain" | "quoted" | "closing" = "start";
  let line = 1;
  let openedAt = 0;
  let fields = 1;
  let tooLong: { line: number; fields: number } | undefined;
  let before = 0;
  const ends = { lf: false, crlf: false };
  for await (const chunk of bytesOf(file)) {
    encoding.see(chunk);
    for (const byte of chunk) {
      if (state === "quoted") {
        if (byte === quote) state = "closing";
      } else if (byte === quote && (state === "start" || state === "closing")) {
        if (state === "start") openedAt = line;
        state = "quoted";
      } else if (byte === separator) {
        fields++;
        state = "start";
      } else if (byte === lineEnd) {
        if (before === carriageReturn) ends.crlf = true;
        else ends.lf = true;
        if (fields > columns) tooLong ??= { line, fields };
        fields = 1;
        state = "start";
      } else state = byte === carriageReturn ? "start" : "plain";
      if (byte === lineEnd) line++;
      before = byte;
    }
  }
  encoding.end();
  if (state === "quoted") {
    throw new UsageError(`line ${openedAt} opens a quote that is never closed: close or double it`);
  }
  if (fields > columns) tooLong ??= { line, fields };
  if (tooLong !== undefined) {
    throw new UsageError(
      `expected ${columns} values on line ${tooLong.line}, got ${tooLong.fields}: mend the line, or quote the value that holds the delimiter`,
    );
  }
  return { mixedLineEnds: lineEnd === lineFeed && ends.lf && ends.crlf };
}

/** Column names as pandas gives them: `Unnamed: 0` where the header is empty, `x.1` for a second `x`. */
export function uniqueNames(header: readonly string[]): string[] {
  const taken = new Set<string>();
  return header.map((written, index) => {
    const name = written === "" ? `Unnamed: ${index}` : written;
    let unique = name;
    for (let copy = 1; taken.has(unique); copy++) unique = `${name}.${copy}`;
    taken.add(unique);
    return unique;
  });
}
