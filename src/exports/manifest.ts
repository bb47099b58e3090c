import { basename, join } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { writeTextFile } from "./atomic-file.ts";

/** What `exports/manifest.json` holds. Files are named relative to the folder; `provisional` while items are owed. */
export interface ExportManifest {
  readonly version: 1;
  readonly provisional: boolean;
  readonly owed: number;
  readonly files: readonly {
    readonly file: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly rows: number;
  }[];
}

/** The manifest of one export. Holds no time: equal files give an equal manifest. */
export function exportManifest(files: readonly ExportedFile[], options: { readonly owed: number }): ExportManifest {
  return {
    version: 1,
    provisional: options.owed > 0,
    owed: options.owed,
    files: files.map(({ path, bytes, sha256, rows }) => ({ file: basename(path), bytes, sha256, rows })),
  };
}

/** Writes `manifest.json` into the exports folder, last of all: it says that the export is complete. */
export async function writeExportManifest(folder: string, manifest: ExportManifest): Promise<void> {
  await writeTextFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
