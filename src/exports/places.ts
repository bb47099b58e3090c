// examples.csv: which line of which file came from which item. Formats are written side by side, each notes its own places, and the parts are joined in one order.
import { rm } from "node:fs/promises";
import { relative } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { type AtomicFile, openAtomicFile } from "./atomic-file.ts";
import { readJsonl } from "./jsonl-check.ts";

const header = ["file", "line", "example_id", "task_id", "query_id", "trajectory_id", "own_id", "own_place"];

/** What is noted of an item of any product. */
export interface PlacedItem {
  readonly id: string;
  readonly taskId: string;
  readonly queryId: string;
  readonly trajectoryId?: string;
  readonly own?: { readonly file: string; readonly line: number; readonly id: string | null } | undefined;
}

/** One format's notes, in the order of its rows. */
export interface PlaceNotes {
  note(item: PlacedItem, place: { readonly shard: number; readonly rows: number }): void;
  /** The files that the shards became. */
  named(files: readonly ExportedFile[]): Promise<void>;
}

/** Collects places. Dispose it: parts that were not joined are removed. */
export interface Places extends AsyncDisposable {
  /** Notes of one format in one split; `position` is where it stands among all. */
  open(position: number): Promise<PlaceNotes>;
  /** Writes examples.csv (RFC 4180, LF; lines count from 1, in Parquet and Arrow rows). @throws {StoreError} when the disk refuses. */
  join(folder: string): Promise<void>;
}

export function collectPlaces(path: string): Places {
  const parts: { position: number; path: string; files: readonly ExportedFile[] }[] = [];
  const open: AtomicFile[] = [];
  return {
    async open(position) {
      const part = { position, path: `${path}.${position}.part`, files: [] as readonly ExportedFile[] };
      const file = await openAtomicFile(part.path);
      open.push(file);
      let waiting: string[] = [];
      let pending: Promise<void> = Promise.resolve();
      let lines: number[] = [];
      const flush = () => {
        const text = waiting.join("");
        waiting = [];
        pending = pending.then(() => file.write(text));
        // Whoever names the files is told; until then a full disk must not end the process.
        pending.catch(() => {});
      };
      return {
        note({ id, taskId, queryId, trajectoryId = "", own }, { shard, rows }) {
          const first = (lines[shard] ?? 0) + 1;
          lines = [...lines.slice(0, shard), first + rows - 1];
          const ids = [
            id,
            taskId,
            queryId,
            trajectoryId,
            own?.id ?? "",
            own === undefined ? "" : `${own.file}:${own.line}`,
          ];
          for (let line = first; line < first + rows; line++) waiting.push(`${JSON.stringify({ shard, line, ids })}\n`);
          if (waiting.length >= 1_000) flush();
        },
        async named(files) {
          flush();
          await pending;
          await file.commit(0);
          parts.push({ ...part, files });
        },
      };
    },
    async join(folder) {
      await using file = await openAtomicFile(path);
      await file.write(csvLine(header));
      for (const part of parts.toSorted((a, b) => a.position - b.position)) {
        const names = part.files.map((one) => relative(folder, one.path));
        for await (const row of readJsonl(part.path)) {
          if (row === null) throw new Error(`Expected notes of places in ${part.path}, got another line`);
          await file.write(csvLine([names[row.shard as number] ?? "", String(row.line), ...(row.ids as string[])]));
        }
        await rm(part.path);
      }
      await file.commit(0);
    },
    async [Symbol.asyncDispose]() {
      for (const file of open) await file[Symbol.asyncDispose]();
      for (const part of parts) await rm(part.path, { force: true });
    },
  };
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}
