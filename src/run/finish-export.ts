// The end of an export: what stands beside its files, and the manifest last.
import { join } from "node:path";
import type { Manifest } from "../archive/run-folder.ts";
import type { RunLedger } from "../archive/run-ledger.ts";
import type { FunnelRow } from "../domain/run.ts";
import { wireTool } from "../domain/wire-calls.ts";
import { writeTextFile } from "../exports/atomic-file.ts";
import { writeCard } from "../exports/card/card.ts";
import type { CardModel } from "../exports/card/subject.ts";
import type { ExampleTally } from "../exports/card/tally.ts";
import { isObject } from "../exports/chat-line.ts";
import { type ExportManifest, writeExportManifest } from "../exports/manifest.ts";
import { teacherModel } from "../models/offline-teacher/teacher.ts";
import { cardPrompts } from "./card-prompts.ts";
import type { ExportResult } from "./export-run.ts";
import { runFacts } from "./run-facts.ts";

export interface FinishOptions {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly exported: ExportResult;
  readonly tally: ExampleTally;
  readonly funnel: readonly FunnelRow[];
  readonly openLedger: () => Promise<RunLedger>;
  readonly title: string;
  readonly licence: string;
  readonly owed: number;
  readonly stopped: boolean;
}

/** Writes card, Croissant metadata, prompts, tools.json and, last, the manifest that says the export is complete. @throws {StoreError} when the disk refuses. */
export async function finishExport(options: FinishOptions): Promise<ExportManifest> {
  const { folder, manifest, exported, owed, stopped } = options;
  const { formats, facts, companions } = exported;
  await using ledger = await options.openLedger();
  const { tools, ...known } = runFacts(ledger, thresholdsOf(manifest.config));
  if (tools.length > 0)
    await writeTextFile(join(folder, "tools.json"), `${JSON.stringify(tools.map(wireTool), null, 2)}\n`);
  const extent = { owed, stopped, limit: manifest.limit ?? null, preview: manifest.preview ?? false };
  await writeCard({
    ...{ folder, formats, facts, ...known, ...extent, run: manifest.run },
    title: options.title,
    licence: options.licence,
    tally: options.tally,
    funnel: options.funnel,
    datasets: manifest.datasets,
    models: modelsOf(manifest),
    tools: tools.map(({ name }) => name),
    prompts: await cardPrompts(manifest),
    companions,
    date: manifest.startedAt.slice(0, 10),
  });
  return writeExportManifest({ folder, run: manifest.run, formats, facts, ...extent });
}

function modelsOf({ models }: Manifest): CardModel[] {
  return Object.entries(models).map(([name, identity]) => ({
    name,
    identity,
    program: identity.model === teacherModel,
  }));
}

/** What the config says a verdict has to reach, where it says it in the recipe's words. */
function thresholdsOf(config: unknown): Readonly<Record<string, unknown>> {
  const accept = isObject(config) ? config.accept : undefined;
  return isObject(accept) ? accept : {};
}
