// What a card tells of, for tests of cards and of what reads them.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeCard } from "../../src/exports/card/card.ts";
import type { CardSubject } from "../../src/exports/card/subject.ts";
import { exampleTally } from "../../src/exports/card/tally.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { openaiExporter } from "../../src/exports/hosted/openai.ts";
import { type ExportFacts, writeExportManifest } from "../../src/exports/manifest.ts";
import { trlPreferenceExporter } from "../../src/exports/trainers/trl.ts";
import { exportItems } from "../../src/exports/write-all.ts";
import { exampleOf, streamOf } from "../unit/export-fixtures.ts";

export const plainFacts: ExportFacts = {
  seed: null,
  shuffled: false,
  perStep: false,
  splits: null,
  length: null,
  renderer: null,
  tokens: null,
};

/** 30 examples in two files, one source dataset. */
export function cardSubject(changes: Partial<CardSubject> = {}): CardSubject {
  const tally = exampleTally();
  for (let index = 0; index < 30; index += 1) tally.add(exampleOf(index));
  const file = { format: "json" as const, bytes: 1, sha256: "c".repeat(64) };
  const written = (format: string, name: string, sha256: string) => ({
    ...{ format, product: "sft", subset: `${format}-0123456789ab`, items: 30, without: 0 },
    files: [{ path: `/run/exports/${name}`, bytes: 10, sha256, rows: 30, format, split: "train" }],
  });
  return {
    title: "A: title # with marks",
    licence: "Tables under BSD-3-Clause, see upstream.",
    run: "r1",
    folder: "/run/exports",
    formats: [written("openai", "openai.jsonl", "a".repeat(64)), written("parquet", "parquet.parquet", "b".repeat(64))],
    facts: plainFacts,
    tally,
    funnel: [
      {
        ...{ stage: "judge", in: 40, passed: 30, rejected: 9, failed: 1, pending: 0, out: 30 },
        reasons: { "not|clear": 3, low_score: 6 },
      },
    ],
    datasets: [
      {
        id: "dataset_1",
        name: "cars | trucks",
        files: [
          { name: "cars.json", ...file },
          { name: "trucks.csv", ...file },
        ],
      },
    ],
    date: "2026-11-25",
    models: [{ name: "judge", identity: { model: "gpt-x" }, program: false }],
    owed: 0,
    stopped: false,
    ...changes,
  };
}

/** A whole export of fixtures as a run leaves it: `openai` in two shards and a validation split, `parquet`, card, Croissant, prompts, manifest. */
export async function exportedFolder(
  folder: string,
  changes: Partial<CardSubject> = {},
  { empty = false }: { readonly empty?: boolean } = {},
): Promise<void> {
  const tally = exampleTally();
  const examples = Array.from({ length: 12 }, (_, index) =>
    exampleOf(index, { group: index < 9 ? "dataset_1" : "dataset_2" }),
  );
  const formats = await exportItems({
    exporters: [openaiExporter(), parquetExporter()],
    splits: [
      { name: "train", items: streamOf(examples.slice(0, 9)) },
      { name: "validation", items: streamOf(examples.slice(9)) },
    ],
    folder,
    folders: true,
    shards: { items: 5, bytes: 1e9 },
    watch: tally.add,
  });
  if (empty)
    formats.push(
      ...(await exportItems({
        exporters: [trlPreferenceExporter()],
        splits: [{ name: "train", items: streamOf([]) }],
        folder,
        folders: true,
      })),
    );
  const splits = { train: { share: 0.8, groups: 1, items: 9 }, validation: { share: 0.2, groups: 1, items: 3 } };
  const facts = { ...plainFacts, seed: 7, splits };
  const text = "You are a data scientist.\n";
  const prompts = [{ name: "agent/react.md", text, sha256: createHash("sha256").update(text).digest("hex") }];
  const datasets = cardSubject().datasets.map((dataset) => ({ ...dataset, licence: "CC0-1.0" }));
  const subject = { ...cardSubject({ folder, formats, facts, tally, prompts, datasets }), ...changes };
  await writeCard(subject);
  const { owed, stopped } = subject;
  await writeExportManifest({ folder, run: "r1", formats, facts, owed, stopped });
}

export async function jsonOf(folder: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, name), "utf8")) as Record<string, unknown>;
}
