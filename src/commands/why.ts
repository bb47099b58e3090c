import type { ArgumentsCamelCase, Argv } from "yargs";
import { findExportedLines } from "../audit/exported-lines.ts";
import { countFunnel } from "../audit/funnel.ts";
import { type Lineage, resolveId, traceLineage } from "../audit/lineage.ts";
import { portraitOf } from "../audit/portrait.ts";
import { type Story, storyPage } from "../audit/story-page.ts";
import { UsageError } from "../domain/errors.ts";
import { readEvents } from "../engine/events.ts";
import { exists, findRun, type RunFolder, readManifest, readSummary } from "./run-folder.ts";
import { openStoredBodies, type StoredBodies } from "./stored-bodies.ts";

export interface WhyArguments {
  readonly run: string;
  readonly id: string;
  readonly output: string;
  readonly json: boolean;
  readonly full: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("run", { type: "string", demandOption: true, describe: "`latest`, a run's id or its folder" })
    .positional("id", { type: "string", demandOption: true, describe: "An item's id, or the beginning of one" })
    .option("json", { type: "boolean", default: false, describe: "Print everything as one JSON object" })
    .option("full", { type: "boolean", default: false, describe: "Print long passages whole" });
}

export async function handler(args: ArgumentsCamelCase<WhyArguments>): Promise<void> {
  const folder = await findRun(args.output, args.run);
  if (!(await exists(folder.eventsPath))) {
    throw new UsageError(
      `Expected \`${folder.eventsPath}\` to hold the run's events, got no file: it ended before it began`,
    );
  }
  const story = await tellStory(folder, args.id);
  const { lineage, ...rest } = story;
  const json = { ...rest, lineage: { ...lineage, bodyKeys: Object.fromEntries(lineage.bodyKeys) } };
  process.stdout.write(args.json ? `${JSON.stringify(json, null, 2)}\n` : storyPage(story, { full: args.full }));
}

/** Gathers all that is known of one item. @throws {UsageError} when no item, or more than one, has an id beginning with `wanted`. */
export async function tellStory(folder: RunFolder, wanted: string): Promise<Story> {
  const open = () => readEvents(folder.eventsPath);
  const lineage = await traceLineage(open, await resolveId(open, wanted));
  await using bodies = await openStoredBodies(folder);
  const { found, missing } = readBodies(lineage, bodies);
  return {
    run: folder.run,
    lineage,
    portrait: portraitOf(found),
    waitingAt: await waitingAt(folder, lineage),
    missing,
    exported: await findExportedLines(folder, new Set([lineage.id, ...lineage.descendants.map(({ id }) => id)])),
  };
}

function readBodies(lineage: Lineage, bodies: StoredBodies): { found: unknown[]; missing: string[] } {
  const found: unknown[] = [];
  const missing: string[] = [];
  for (const id of [...lineage.ancestors, lineage.id]) {
    const key = lineage.bodyKeys.get(id);
    if (key === undefined) continue;
    const body = bodies.get(key);
    if (body === undefined) missing.push(id);
    else found.push(body);
  }
  return { found, missing };
}

/** The stage after the last one the item passed unchanged, where the run knows its stages and the item has not ended there. */
async function waitingAt(folder: RunFolder, lineage: Lineage): Promise<string | null> {
  const last = lineage.passages.at(-1);
  if (last?.outcome !== "passed") return null;
  const becameOther = last.id === lineage.id && last.out !== undefined && !last.out.includes(lineage.id);
  if (becameOther) return null;
  const manifest = await readManifest(folder);
  const stages =
    manifest?.stages ??
    (await readSummary(folder))?.funnel.map((row) => row.stage) ??
    (await countFunnel(readEvents(folder.eventsPath))).rows.map((row) => row.stage);
  return stages[stages.indexOf(last.stage) + 1] ?? null;
}
