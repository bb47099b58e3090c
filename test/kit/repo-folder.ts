// A folder of exports as a run leaves it: two formats, card, Croissant metadata, prompts and manifest.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { writeCard } from "../../src/exports/card/card.ts";
import type { CardSubject } from "../../src/exports/card/subject.ts";
import { exampleTally } from "../../src/exports/card/tally.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { type ExportFacts, writeExportManifest } from "../../src/exports/manifest.ts";
import { exportItems } from "../../src/exports/write-all.ts";
import { count, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

export const noFacts: ExportFacts = {
  ...{ seed: null, shuffled: false, perStep: false, splits: null, length: null, renderer: null, tokens: null },
};

export interface RepoChanges extends Partial<CardSubject> {
  readonly prompt?: string;
}

export interface RepoFolder extends AsyncDisposable {
  readonly path: string;
  at(name: string): string;
  /** Writes it again, changed. */
  write(changes?: RepoChanges): Promise<void>;
}

export async function repoFolder(changes: RepoChanges = {}): Promise<RepoFolder> {
  const scratch = await scratchFolder();
  const path = scratch.at("exports");
  await mkdir(path);
  const write = async ({ prompt = "Answer.\n", ...subject }: RepoChanges = {}) => {
    const tally = exampleTally();
    const examples = count(30);
    const formats = await exportItems({
      exporters: [chatJsonlExporter(), parquetExporter()],
      splits: [{ name: "train", items: streamOf(examples) }],
      folder: path,
      folders: false,
      watch: tally.add,
    });
    const extent = { owed: 0, stopped: subject.stopped ?? false };
    await writeCard({
      title: "Agents",
      licence: "CC0-1.0",
      run: "r1",
      folder: path,
      ...{ formats, tally, facts: noFacts, funnel: [], models: [] },
      datasets: [
        { id: "dataset_1", name: "cars", files: [], licence: "BSD-3-Clause", url: "https://example.org/cars" },
      ],
      prompts: [{ name: "agent/a.md", text: prompt, sha256: createHash("sha256").update(prompt).digest("hex") }],
      scaffold: "react",
      date: "2026-11-25",
      ...extent,
      ...subject,
    });
    await writeExportManifest({ folder: path, run: "r1", formats, facts: noFacts, ...extent });
  };
  await write(changes);
  return { path, at: (name) => `${path}/${name}`, write, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
}

/** What lies in a folder: path -> bytes in base64. */
export async function bytesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = paths.map(
    async (path): Promise<[string, string]> => [relative(folder, path), (await readFile(path)).toString("base64")],
  );
  return Object.fromEntries(await Promise.all(read));
}
