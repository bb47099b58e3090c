import { join, relative } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { writeTextFile } from "./atomic-file.ts";
import type { LengthCounts, LengthPolicy } from "./render/length.ts";
import type { TokenCounts } from "./render/token-tally.ts";
import type { WrittenFormat } from "./write-all.ts";

interface ManifestFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
}

/** How a split came out: the share of the source datasets that was asked for (0 to 1), and the source datasets and examples in it. */
export interface SplitCounts {
  readonly share: number;
  readonly groups: number;
  readonly items: number;
}

/** What `exports/manifest.json` holds. Files are named relative to the folder; `provisional` while items are owed or where the run was stopped before its end. */
export interface ExportManifest {
  readonly version: 3;
  readonly run: string;
  readonly provisional: boolean;
  readonly owed: number;
  readonly stopped: boolean;
  /** How many seeds or questions were started, where a limit was set; null without one. */
  readonly limit: number | null;
  readonly preview: boolean;
  /** Of splits and order; null where neither was asked for. */
  readonly seed: number | null;
  readonly shuffled: boolean;
  readonly perStep: boolean;
  /** Null without splits. */
  readonly splits: Readonly<Record<string, SplitCounts>> | null;
  readonly length: (LengthCounts & { readonly maxTokens: number; readonly over: LengthPolicy }) | null;
  /** The tokenizer and template that counted, by hash; null without. */
  readonly renderer: Readonly<Record<string, string>> | null;
  /** Tokens of the examples as they were written, all splits together; null without a renderer. */
  readonly tokens: TokenCounts | null;
  /** What each format holds; `without` items have no row in it. */
  readonly formats: readonly {
    readonly format: string;
    readonly product: string;
    readonly subset: string;
    readonly items: number;
    readonly without: number;
    readonly files: readonly (ManifestFile & { readonly split: string })[];
  }[];
  readonly files: readonly ManifestFile[];
}

/** What is said of an export beside its files. */
export type ExportFacts = Pick<
  ExportManifest,
  "seed" | "shuffled" | "perStep" | "splits" | "length" | "renderer" | "tokens"
>;

const plain: ExportFacts = {
  seed: null,
  shuffled: false,
  perStep: false,
  splits: null,
  length: null,
  renderer: null,
  tokens: null,
};

/** Writes `manifest.json` into `folder`, last of the files that hold data: it says that the export is complete. Holds no time. */
export async function writeExportManifest(options: {
  readonly folder: string;
  readonly run: string;
  readonly formats: readonly WrittenFormat[];
  readonly facts?: ExportFacts;
  readonly owed: number;
  readonly stopped: boolean;
  readonly limit?: number | null;
  readonly preview?: boolean;
}): Promise<ExportManifest> {
  const { folder, run, owed, stopped, limit = null, preview = false, facts = plain } = options;
  const named = ({ path, bytes, sha256, rows }: ExportedFile): ManifestFile => ({
    file: relative(folder, path),
    bytes,
    sha256,
    rows,
  });
  const manifest: ExportManifest = {
    version: 3,
    run,
    provisional: owed > 0 || stopped,
    owed,
    stopped,
    limit,
    preview,
    ...facts,
    formats: options.formats.map(({ files, ...format }) => ({
      ...format,
      files: files.map((file) => ({ ...named(file), split: file.split ?? "train" })),
    })),
    files: options.formats.flatMap(({ files }) => files.map(named)),
  };
  await writeTextFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
