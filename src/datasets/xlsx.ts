import { createWriteStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CellValue } from "hucre/xlsx";
import { UsageError } from "../domain/errors.ts";
import { missingTexts, uniqueNames } from "./csv.ts";
import { literal, type TableColumn, type TableFormat, type TableSource } from "./table.ts";
import { type ZipPart, zipParts } from "./zip-parts.ts";

const mebibyte = 1024 * 1024;
const limits = {
  fileBytes: 200 * mebibyte,
  /** Shared strings are held in memory while a sheet is read. */
  sharedStringBytes: 256 * mebibyte,
  sheetBytes: 2048 * mebibyte,
  /** Larger sheets are read without their number formats. */
  formattedSheetBytes: 100 * mebibyte,
  cells: 200_000_000,
};
const formatRows = 50;

/** The library, loaded where there is a workbook to read. */
const reader = () => import("hucre/xlsx");

/** Excel workbooks, as `pandas.read_excel(path, sheet_name=…)` reads each sheet: the first row is the header, formulas are their stored values. */
export const xlsx: TableFormat = {
  extensions: [".xlsx", ".xlsm"],
  mayBeGzip: false,
  async open(_connection, { path: file, scratch }) {
    const { size } = await stat(file);
    if (size > limits.fileBytes) {
      throw new UsageError(
        `expected a workbook of at most 200 MiB, got ${Math.ceil(size / mebibyte)} MiB: save its sheets as CSV or Parquet`,
      );
    }
    const { readXlsx } = await reader();
    const workbook = await readFile(file);
    const parts = checkWorkbook(workbook);
    const names: string[] = [];
    try {
      await readXlsx(workbook, {
        sheets: (sheet) => {
          names.push(sheet.name);
          return false;
        },
      });
      const sources: TableSource[] = [];
      let charts = parts.filter(({ name }) => /(^|\/)chartsheets\/[^/]+\.xml$/i.test(name)).length;
      for (const [index, sheet] of names.entries()) {
        const path = join(scratch, `sheet-${index}.csv`);
        const source = await openSheet(workbook, { sheet, path, parts }).catch((error: unknown) => {
          // A chart on a sheet of its own has no rows to read.
          if (error instanceof Error && /missing worksheet file/.test(error.message) && charts-- > 0) return undefined;
          throw error;
        });
        if (source !== undefined) sources.push(source);
      }
      if (sources.length > 0) return sources;
    } catch (cause) {
      if (cause instanceof UsageError || !(cause instanceof Error) || "code" in cause) throw cause;
      throw new UsageError(
        `expected a workbook, got one that cannot be read (${cause.message}): open it in a spreadsheet program and save it again`,
        { cause },
      );
    }
    throw new UsageError(
      `expected a sheet with a header and rows, got none (${names.length} sheet${names.length === 1 ? "" : "s"}): leave the file out or fill it`,
    );
  },
};

function checkWorkbook(workbook: Buffer): ZipPart[] {
  if (workbook.subarray(0, 4).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0]))) {
    const locked = workbook.includes(Buffer.from("EncryptedPackage", "utf16le"));
    throw new UsageError(
      locked
        ? "expected an open workbook, got one that is protected by a password: save a copy without a password"
        : "expected an .xlsx workbook, got an old Excel file (.xls) under that name: save it as .xlsx or CSV",
    );
  }
  if (workbook.readUIntBE(0, Math.min(2, workbook.length)) !== 0x504b) {
    throw new UsageError("expected an Excel workbook, got something else: name the file by what it holds");
  }
  const parts = zipParts(workbook);
  if (!parts.some(({ name }) => /(^|\/)workbook\.xml$/i.test(name))) {
    const binary = parts.some(({ name }) => /workbook\.bin$/i.test(name));
    throw new UsageError(
      binary
        ? "expected an .xlsx workbook, got a binary one (.xlsb): save it as .xlsx or CSV"
        : "expected an Excel workbook, got a zip archive that is none: unpack it, and name its files by what they hold",
    );
  }
  for (const { name, bytes } of parts) {
    const limit = /sharedStrings/i.test(name) ? limits.sharedStringBytes : limits.sheetBytes;
    if (bytes > limit) {
      throw new UsageError(
        `expected at most ${limit / mebibyte} MiB in \`${name}\` of the workbook, got ${Math.ceil(bytes / mebibyte)} MiB unpacked: save its sheets as CSV or Parquet`,
      );
    }
  }
  return parts;
}

async function openSheet(
  workbook: Buffer,
  { sheet, path, parts }: { sheet: string; path: string; parts: readonly ZipPart[] },
): Promise<TableSource | undefined> {
  const layout: SheetLayout = { header: [], width: 0, rows: 0 };
  await pipeline(Readable.from(linesOf(workbook, sheet, layout)), createWriteStream(path));
  const columns = uniqueNames(Array.from({ length: layout.width }, (_, index) => layout.header[index] ?? ""));
  if (layout.rows === 0 || columns.length === 0) return undefined;
  const sheetBytes = Math.max(...parts.filter(({ name }) => /worksheets\//i.test(name)).map(({ bytes }) => bytes));
  const shown = sheetBytes <= limits.formattedSheetBytes ? await formats(workbook, sheet) : [];
  const options = [
    "auto_detect = false",
    "header = false",
    "delim = ','",
    `quote = '"'`,
    `escape = '"'`,
    "new_line = '\\n'",
    `nullstr = [${missingTexts.map(literal).join(", ")}]`,
    "null_padding = true",
    "parallel = false",
    `columns = {'filled': 'VARCHAR', ${columns.map((_, index) => `'c${index}': 'VARCHAR'`).join(", ")}}`,
  ];
  return {
    sheet,
    columns: columns.map((name, index): TableColumn => {
      const shownAs = shown[index];
      return { name, holds: "text", ...(shownAs !== undefined && { shownAs }) };
    }),
    select: `SELECT * EXCLUDE (filled) FROM read_csv(${literal(path)}, ${options.join(", ")})`,
  };
}

interface SheetLayout {
  header: string[];
  width: number;
  rows: number;
}

/** A sheet's rows as CSV lines behind a mark that tells empty rows; fills in the layout. */
async function* linesOf(workbook: Buffer, sheet: string, layout: SheetLayout): AsyncGenerator<string> {
  let next = 0;
  let cells = 0;
  let emptyRows = 0;
  let headerSeen = false;
  const { streamXlsxRows } = await reader();
  for await (const row of streamXlsxRows(workbook, { sheet })) {
    const values = row.values.map(textOf);
    while (values.length > 0 && values.at(-1) === "") values.pop();
    emptyRows += row.index - next;
    next = row.index + 1;
    if (values.length === 0) {
      emptyRows++;
      continue;
    }
    layout.width = Math.max(layout.width, values.length);
    cells += values.length + emptyRows;
    if (cells > limits.cells) {
      throw new UsageError(
        `expected at most ${limits.cells.toLocaleString("en")} cells in the sheet ${JSON.stringify(sheet)}, got more: save it as CSV or Parquet`,
      );
    }
    if (!headerSeen) {
      headerSeen = true;
      // Behind empty rows the first of them is the header, as for pandas: columns are called `Unnamed: 0` and so on.
      layout.header = emptyRows === 0 ? row.values.map(headerOf) : [];
      if (emptyRows === 0) continue;
      emptyRows--;
    }
    for (; emptyRows > 0; emptyRows--) {
      layout.rows++;
      yield "0\n";
    }
    layout.rows++;
    yield `1,${values.map(quoted).join(",")}\n`;
  }
}

// The texts of error cells, which pandas reads as missing.
const errors = new Set(["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"]);

function textOf(value: CellValue): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return dateText(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  return errors.has(value) ? "#N/A" : value;
}

function headerOf(value: CellValue): string {
  return value instanceof Date ? value.toISOString().slice(0, 19).replace("T", " ") : textOf(value);
}

function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return "";
  const iso = date.toISOString();
  // A time of day without a day counts from the day before the first.
  if (date.getUTCFullYear() < 1900) return iso.slice(11, 19);
  if (iso.endsWith("T00:00:00.000Z")) return iso.slice(0, 10);
  return iso.slice(0, iso.endsWith(".000Z") ? 19 : 23).replace("T", " ");
}

function quoted(text: string): string {
  return text === "" ? "" : `"${text.replaceAll('"', '""')}"`;
}

/** How the first rows show each column's numbers: as money or percent where all of them are shown so. */
async function formats(workbook: Buffer, sheet: string): Promise<("money" | "percent" | undefined)[]> {
  const { readXlsx } = await reader();
  const read = await readXlsx(workbook, { sheets: [sheet], readStyles: true, maxRows: formatRows });
  const seen: Set<"money" | "percent" | "other">[] = [];
  for (const [place, cell] of read.sheets[0]?.cells ?? []) {
    const [row = 0, column = 0] = place.split(",").map(Number);
    if (row === 0 || typeof cell.value !== "number") continue;
    seen[column] ??= new Set();
    seen[column].add(shownAs(cell.style?.numFmt ?? ""));
  }
  return Array.from(seen, (kinds) => {
    const [only] = kinds ?? [];
    return kinds?.size === 1 && only !== "other" ? only : undefined;
  });
}

function shownAs(format: string): "money" | "percent" | "other" {
  if (format.includes("%")) return "percent";
  // [$-409] is a language, [$€-407] a currency.
  const withoutLanguage = format.replace(/\[\$-[^\]]*\]/g, "");
  return /[$€£¥₹₽₩₺]|\b(USD|EUR|GBP|CHF|JPY|CNY|INR)\b/.test(withoutLanguage) ? "money" : "other";
}
