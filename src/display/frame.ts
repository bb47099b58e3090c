// A whole frame: which parts there is room for, and where they stand.
import type { RunSnapshot } from "../domain/run-snapshot.ts";
import { funnel } from "./funnel.ts";
import { cut, type Line, pad, print, type Style, span } from "./line.ts";
import { type Look, signsOf } from "./look.ts";
import * as panels from "./panels.ts";

export interface FrameOptions {
  /** A word for the run's state in place of the snapshot's, where somebody knows better: `dead`. */
  readonly state?: { readonly word: string; readonly style: Style } | undefined;
}

/** From this width on, lists stand beside the funnel. */
const besideFrom = 150;
const gutter = 3;

/** Draws a snapshot: at most `rows - 1` lines of at most `columns - 1` columns each, least important parts left out first. */
export function frame(snapshot: RunSnapshot, look: Look, options: FrameOptions = {}): string[] {
  const width = Math.max(1, look.columns - 1);
  const rows = Math.max(1, look.rows - 1);
  const lines =
    width >= besideFrom
      ? wideFrame(snapshot, look, { ...options, width, rows })
      : tallFrame(snapshot, look, { ...options, width, rows });
  const { cut: mark } = signsOf(look);
  return lines.slice(0, rows).map((line) => print(cut(line, width, mark), look.colour));
}

interface Room extends FrameOptions {
  readonly width: number;
  readonly rows: number;
}

function tallFrame(snapshot: RunSnapshot, look: Look, room: Room): Line[] {
  const scene = panels.sceneOf(snapshot, look, room.width);
  const beside = panels.sceneOf(snapshot, look, room.width - panels.labelWidth);
  const lists = {
    slowest: panels.slowestLines(beside),
    failed: panels.failureLines(beside),
  };
  const endpoints = panels.endpointLines(scene);
  const knowsSpending = snapshot.endpoints.length > 0;
  const sandboxes = panels.sandboxLine(scene);
  const reasons = panels.reasonsLine(scene);
  const budget = panels.budgetLines(scene);
  const cost = panels.costLine(scene);

  const parts = share(room.rows, [
    ["status", 1],
    ["funnel", Math.min(snapshot.stages.length, 3)],
    ["spent", knowsSpending ? 1 : 0],
    ["funnel", snapshot.stages.length],
    ["progress", 1],
    ["budget", Math.min(budget.length, 1)],
    ["cost", cost.length],
    ["failed", Math.min(lists.failed.length, 1)],
    ["head", 1],
    ["sandboxes", sandboxes.length],
    ["slowest", Math.min(lists.slowest.length, 1)],
    ["spent", knowsSpending ? endpoints.length : 0],
    ["reasons", reasons.length],
    ["budget", budget.length],
    ["gapAbove", 1],
    ["gapBelow", knowsSpending ? 1 : 0],
    ["slowest", Math.min(lists.slowest.length, 3)],
    ["failed", Math.min(lists.failed.length, 3)],
    ["gapSpent", 1],
    ["slowest", lists.slowest.length],
    ["failed", lists.failed.length],
  ]);
  const head = parts("head") > 0;
  const gap = (name: string): Line[] => (parts(name) > 0 ? [[]] : []);
  return [
    ...(parts("status") > 0 ? [panels.statusLine(scene, room.state)] : []),
    ...(parts("progress") > 0 ? [panels.progressLine(scene)] : []),
    ...gap("gapAbove"),
    ...funnel(snapshot.stages, { look, width: room.width, rows: parts("funnel") + parts("head"), head }),
    ...gap("gapBelow"),
    ...(parts("spent") === 1 && knowsSpending ? [panels.spentLine(scene)] : endpoints.slice(0, parts("spent"))),
    ...gap("gapSpent"),
    ...cost.slice(0, parts("cost")),
    ...budget.slice(0, parts("budget")),
    ...sandboxes.slice(0, parts("sandboxes")),
    ...reasons.slice(0, parts("reasons")),
    ...listed("slowest", lists.slowest.slice(0, parts("slowest")), scene),
    ...listed("failed", lists.failed.slice(0, parts("failed")), scene),
  ];
}

function wideFrame(snapshot: RunSnapshot, look: Look, room: Room): Line[] {
  const right = Math.min(84, Math.floor((room.width - gutter) * 0.4));
  const left = room.width - gutter - right;
  const side = panels.sceneOf(snapshot, look, right);
  const bare = { ...snapshot, slowest: [], failures: [], stages: snapshot.stages };
  const main = tallFrame(withoutReasons(bare), look, { ...room, width: left });
  const lists = [
    { head: "rejected", lines: panels.reasonLines(side) },
    { head: "slowest", lines: panels.slowestLines(side) },
    { head: "last failures", lines: panels.failureLines(side) },
  ].filter(({ lines }) => lines.length > 0);
  const each = Math.max(1, Math.floor((room.rows + 1) / Math.max(1, lists.length)) - 2);
  let spare = lists.reduce((sum, { lines }) => sum + Math.max(0, each - lines.length), 0);
  const column = lists.flatMap(({ head, lines }, index): Line[] => {
    const extra = Math.min(spare, Math.max(0, lines.length - each));
    spare -= extra;
    return [...(index > 0 ? [[]] : []), [span(head, "dim")], ...lines.slice(0, each + extra)];
  });
  return Array.from({ length: Math.max(main.length, Math.min(room.rows, column.length)) }, (_, index) => [
    ...pad(main[index] ?? [], left + gutter),
    ...(column[index] ?? []),
  ]);
}

function withoutReasons(snapshot: RunSnapshot): RunSnapshot {
  return { ...snapshot, stages: snapshot.stages.map((stage) => ({ ...stage, reasons: [] })) };
}

function listed(label: string, lines: readonly Line[], scene: panels.Scene): Line[] {
  return lines.map((line, index) => panels.labelled(index === 0 ? label : "", line, scene));
}

/** Gives lines to parts in order of importance: a part grows to what a wish says where that still fits, or stays as it is. */
function share(rows: number, wishes: readonly (readonly [part: string, lines: number])[]): (part: string) => number {
  const given = new Map<string, number>();
  let free = rows;
  for (const [part, lines] of wishes) {
    const had = given.get(part) ?? 0;
    // The funnel can be folded to any height; the other parts stand whole or not at all.
    const wanted = part === "funnel" ? Math.min(lines, had + free) : lines;
    if (wanted <= had || wanted - had > free) continue;
    free -= wanted - had;
    given.set(part, wanted);
  }
  return (part) => given.get(part) ?? 0;
}
