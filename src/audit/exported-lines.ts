import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { ExportedLine } from "./story-page.ts";

/**
 * Where the examples `ids` were written, read from `examples.csv` (columns file, line, example_id). Lines of `.jsonl` files are
 * read; rows of binary formats are named only.
 */
export async function findExportedLines(
  files: { examplesPath: string; exportsPath: string },
  ids: ReadonlySet<string>,
): Promise<ExportedLine[]> {
  const found: ExportedLine[] = [];
  let columns: Map<string, number> | null = null;
  for await (const row of linesOf(files.examplesPath)) {
    const cells = row.split(",");
    if (columns === null) {
      columns = new Map(cells.map((name, index) => [name, index]));
      continue;
    }
    const cell = (name: string) => cells[columns?.get(name) ?? -1] ?? "";
    const id = cell("example_id");
    if (ids.has(id)) found.push({ id, file: cell("file"), line: Number(cell("line")), text: null });
  }
  for (const line of found) {
    if (line.file.endsWith(".jsonl")) line.text = await lineOf(join(files.exportsPath, line.file), line.line);
  }
  return found;
}

async function lineOf(path: string, wanted: number): Promise<string | null> {
  let at = 0;
  for await (const line of linesOf(path)) {
    at += 1;
    if (at === wanted) return line;
  }
  return null;
}

/** Lines end at \n only: readline's idea of an end differs between Node versions (U+2028), and JSON strings may hold it. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const chunk of createReadStream(path, "utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (rest !== "") yield rest;
}
