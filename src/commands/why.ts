import { dirname, join, relative } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { exists, findRun, type RunFolder, readManifest, readSummary } from "../archive/run-folder.ts";
import { openStoredBodies } from "../archive/stored-bodies.ts";
import { findExportedLines } from "../audit/exported-lines.ts";
import { countFunnel } from "../audit/funnel.ts";
import { traceLineage } from "../audit/lineage.ts";
import { portraitOf, readBodies } from "../audit/portrait.ts";
import { type StoredPicture, type Story, storyPage } from "../audit/story-page.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import type { Picture } from "../domain/trajectory.ts";
import { blobPath, openBlobs } from "../engine/blobs.ts";
import { readEvents } from "../engine/events.ts";

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
      `Expected \`${folder.eventsPath}\` to hold the run's events, got no file: it ended before it began, so name another run, or run it again`,
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
  const lineage = await traceLineage(open, wanted);
  await using bodies = await openStoredBodies(folder);
  const { found, missing } = readBodies([...lineage.ancestors, lineage.id], lineage.bodyKeys, bodies.get);
  const portrait = portraitOf(found);
  const shown = portrait.candidate?.trajectory.turns.flatMap(({ step }) => step?.pictures ?? []) ?? [];
  return {
    run: folder.run,
    lineage,
    portrait,
    stages: await stagesOf(folder),
    missing,
    pictures: await findPictures(join(dirname(folder.storePath), "blobs"), shown),
    exported: await findExportedLines(folder, new Set([lineage.id, ...lineage.descendants.map(({ id }) => id)])),
  };
}

/** Where the bytes of pictures lie, below the working folder where they do, and whether they are what they are named after. */
async function findPictures(folder: string, pictures: readonly Picture[]): Promise<Record<string, StoredPicture>> {
  const blobs = openBlobs(folder);
  const found: Record<string, StoredPicture> = {};
  for (const { sha256 } of pictures) {
    const path = blobPath(folder, sha256);
    const near = relative(process.cwd(), path);
    const state = await blobs.get(sha256).then(
      (bytes) => (bytes === undefined ? ("missing" as const) : ("kept" as const)),
      (error: unknown) => {
        if (!(error instanceof StoreError)) throw error;
        return "damaged" as const;
      },
    );
    found[sha256] = { path: near.startsWith("..") ? path : near, state };
  }
  return found;
}

/** The line's stages in order: as the run wrote them down, else as its events show them. */
async function stagesOf(folder: RunFolder): Promise<string[]> {
  const written = (await readManifest(folder))?.stages ?? (await readSummary(folder))?.funnel.map((row) => row.stage);
  return written ?? (await countFunnel(readEvents(folder.eventsPath))).rows.map((row) => row.stage);
}
