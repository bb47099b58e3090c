import { basename, join } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { writeTextFile } from "./atomic-file.ts";

/** What `exports/manifest.json` holds. Files are named relative to the folder; `provisional` while items are owed or where the run was stopped before its end. */
export interface ExportManifest {
  readonly version: 2;
  readonly run: string;
  readonly provisional: boolean;
  readonly owed: number;
  readonly stopped: boolean;
  /** How many seeds or questions were started, where a limit was set; null without one. */
  readonly limit: number | null;
  readonly preview: boolean;
  readonly files: readonly {
    readonly file: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly rows: number;
  }[];
}

/** Writes `manifest.json` into `folder`, last of the files that hold data: it says that the export is complete. Holds no time. */
export async function writeExportManifest(options: {
  readonly folder: string;
  readonly run: string;
  readonly files: readonly ExportedFile[];
  readonly owed: number;
  readonly stopped: boolean;
  readonly limit?: number | null;
  readonly preview?: boolean;
}): Promise<ExportManifest> {
  const { folder, run, owed, stopped, limit = null, preview = false } = options;
  const files = options.files.map(({ path, bytes, sha256, rows }) => ({ file: basename(path), bytes, sha256, rows }));
  const manifest: ExportManifest = {
    version: 2,
    run,
    provisional: owed > 0 || stopped,
    owed,
    stopped,
    limit,
    preview,
    files,
  };
  await writeTextFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
