// What `run --preview` prints at its end: what became of each seed or question, and a few transcripts.
import { styleText } from "node:util";
import { type RunFolder, readManifest } from "../archive/run-folder.ts";
import { addParents, chainTo, type ItemEvent } from "../audit/lineage.ts";
import { storyPage } from "../audit/story-page.ts";
import { plural } from "../audit/text.ts";
import { readEvents } from "../engine/events.ts";
import { tellStory } from "./why.ts";

const storiesEach = 2;

interface Leaf {
  readonly event: ItemEvent;
  /** Place of the stage where it ended; one more for what passed the last. */
  readonly reached: number;
}

/**
 * The stories of a small run for a terminal: for each seed or question how many of its descendants ended where, and the transcripts of
 * one that was kept and of the one that came farthest of the dropped. `full` cuts nothing; `colour` marks headings.
 */
export async function previewPage(
  folder: RunFolder,
  options: { readonly full: boolean; readonly colour: boolean },
): Promise<string> {
  const stages = (await readManifest(folder))?.stages ?? [];
  const parents = new Map<string, string>();
  const ends = new Map<string, ItemEvent>();
  const sources: string[] = [];
  for await (const event of readEvents(folder.eventsPath)) {
    if (event.type !== "item") continue;
    addParents(parents, event);
    if (event.stage === stages[0]) sources.push(event.id);
    ends.set(event.id, event);
  }
  const leaves = new Map<string, Leaf[]>(sources.map((id) => [id, []]));
  for (const event of ends.values()) {
    const last = event.outcome === "passed" && event.stage === stages.at(-1);
    if (event.outcome === "passed" && !last) continue;
    const source = chainTo(parents, event.id)[0] ?? event.id;
    leaves.get(source)?.push({ event, reached: stages.indexOf(event.stage) + (last ? 1 : 0) });
  }
  const parts: string[] = [];
  for (const [index, source] of sources.entries()) {
    const own = leaves.get(source) ?? [];
    parts.push(`${"=".repeat(20)} ${index + 1} of ${sources.length}: ${source} ${"=".repeat(20)}\n${tally(own)}\n`);
    const told = choose(own);
    for (const { event } of told) {
      parts.push(`${"-".repeat(20)}\n${storyPage(await tellStory(folder, event.id), options)}`);
    }
    const untold = own.length - told.length;
    if (untold > 0)
      parts.push(`(${plural(untold, "other end")} of ${source}: npx tracemill why ${folder.run} ${source})\n`);
  }
  const page = `${parts.join("\n")}`;
  return options.colour ? paint(page) : page;
}

/** One that was kept and the dropped one that came farthest; two of a kind where there is only one kind. */
function choose(leaves: readonly Leaf[]): Leaf[] {
  const farthest = leaves.toSorted((a, b) => b.reached - a.reached || (a.event.id < b.event.id ? -1 : 1));
  const kept = farthest.filter(({ event }) => event.outcome === "passed");
  const dropped = farthest.filter(({ event }) => event.outcome !== "passed");
  const pair = [...kept.slice(0, 1), ...dropped.slice(0, 1)];
  return pair.length === storiesEach ? pair : farthest.slice(0, storiesEach);
}

function tally(leaves: readonly Leaf[]): string {
  const counts = new Map<string, number>();
  for (const { event } of leaves) {
    const end =
      event.outcome === "passed"
        ? "became an example"
        : `${event.outcome} at ${event.stage}: ${event.code ?? "no reason"}`;
    counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  const lines = [...counts].sort((a, b) => b[1] - a[1]).map(([end, items]) => `  ${items} ${end}`);
  return lines.length === 0 ? "  nothing came to an end" : lines.join("\n");
}

/** Headings bold, turns and outputs in colours of their own; only what stands at the beginning of lines is looked at. */
function paint(page: string): string {
  const style = (format: Parameters<typeof styleText>[0], line: string) =>
    styleText(format, line, { validateStream: false });
  return page
    .split("\n")
    .map((line) => {
      if (/^={5}|^(Question|Decisions|Scores|Judge|Transcript|Became|Reference code|Written to)\b/.test(line)) {
        return style("bold", line);
      }
      if (/^End: .*(rejected|failed)/.test(line)) return style("red", line);
      if (/^End: /.test(line)) return style("green", line);
      if (/^ {2}turn \d+:/.test(line)) return style("cyan", line);
      if (/^ {4}> /.test(line)) return style("yellow", line);
      return /^ {4}< /.test(line) ? style("dim", line) : line;
    })
    .join("\n");
}
