// Reads CSV bytes record by record within bounds. Nothing in them is ever run: no formulas, no unpacking, no types.

import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CsvError, parse } from "csv-parse";

/** Bytes of one record, its cells and separators; no column count can go beyond it either. */
export const maxRecordBytes = 65_536;
const chunkBytes = 65_536;

/** What the bytes are where they are no CSV text, by how they begin. */
const otherFormats: readonly (readonly [name: string, begin: readonly number[]])[] = [
  ["a zip archive (an Excel workbook?)", [0x50, 0x4b, 0x03, 0x04]],
  ["gzip", [0x1f, 0x8b]],
  ["a pickle", [0x80, 0x02]],
  ["a pickle", [0x80, 0x03]],
  ["a pickle", [0x80, 0x04]],
  ["a pickle", [0x80, 0x05]],
  ["a NumPy array", [0x93, 0x4e, 0x55, 0x4d]],
  ["Parquet", [0x50, 0x41, 0x52, 0x31]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58]],
  ["Zstandard", [0x28, 0xb5, 0x2f, 0xfd]],
];

/**
 * Hands each record's cells (trimmed; the first record is the header) to `see`, until that returns what is wrong. Comma-separated UTF-8, quotes
 * by RFC 4180, empty lines passed over. Returns what is wrong, else null.
 */
export async function readRecords(
  bytes: Uint8Array,
  see: (cells: readonly string[], record: number) => string | null,
): Promise<string | null> {
  if (bytes.byteLength === 0) return "the file is empty";
  const other = otherFormats.find(([, begin]) => begin.every((byte, index) => bytes[index] === byte));
  if (other !== undefined) return `expected CSV text, got ${other[0]}`;
  let wrong: string | null = null;
  let record = 0;
  try {
    await pipeline(
      textOf(bytes),
      // `relax_column_count`: that a row has too few or too many cells is for `see` to say, with its own words.
      parse({ bom: true, max_record_size: maxRecordBytes, relax_column_count: true, skip_empty_lines: true }),
      async (records: AsyncIterable<string[]>) => {
        for await (const cells of records) {
          record += 1;
          wrong = see(
            cells.map((cell) => cell.trim()),
            record,
          );
          if (wrong !== null) throw new Stop();
        }
      },
    );
  } catch (error) {
    if (error instanceof Stop) return wrong;
    if (error instanceof NoText) return error.message;
    if (error instanceof CsvError) return csvProblem(error, record);
    throw error;
  }
  return record === 0 ? "the file holds no line" : null;
}

class Stop extends Error {}
class NoText extends Error {}

/** The bytes as text, in chunks, between which other work has its turn. */
async function* textOf(bytes: Uint8Array): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    let text: string;
    try {
      text = decoder.decode(bytes.subarray(at, at + chunkBytes), { stream: at + chunkBytes < bytes.byteLength });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new NoText("expected CSV text in UTF-8, got bytes that are not");
    }
    if (text.includes("\0")) throw new NoText("expected CSV text, got bytes that are no text (NUL)");
    yield text;
    await nextTurn();
  }
}

function csvProblem(error: CsvError, record: number): string {
  const after = record === 0 ? "its first record" : `the record after the ${record}th`;
  if (error.code === "CSV_MAX_RECORD_SIZE")
    return `${after} is longer than ${maxRecordBytes} bytes: too many columns, a cell that is too long, or a quote that is never closed`;
  if (error.code === "CSV_QUOTE_NOT_CLOSED") return `${after} opens a quote that is never closed`;
  return `${after} is no CSV (${error.code})`;
}
