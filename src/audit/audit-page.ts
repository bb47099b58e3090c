import { type RunStatus, type RunSummary, usedUsd } from "../domain/run.ts";
import type { CountedRow, Funnel } from "./funnel.ts";
import type { Sample } from "./samples.ts";
import { bar, bounded, count, dollars, duration, indent, oneLine, plural, share, table } from "./text.ts";

/** Everything `tracemill audit` tells of a run; this is also its `--json`. */
export interface Audit {
  run: string;
  recipe: string | null;
  config: string | null;
  /** What was typed to start it, to be typed again as it is; null where no manifest says. */
  command: string | null;
  /** Null while the run goes on or when it died before it could say. */
  status: RunStatus | null;
  lastEventAt: string | null;
  yield: Funnel["yield"];
  funnel: CountedRow[];
  /** Where events, summary and arithmetic disagree; empty when all is well. */
  problems: string[];
  notes: string[];
  totals: Pick<
    RunSummary,
    "examples" | "requests" | "tokens" | "costUsd" | "wallSeconds" | "spend" | "usedUsd" | "costPerExampleUsd"
  > | null;
  samples: Sample[];
}

const statusMeanings: Record<RunStatus, string> = {
  done: "done",
  owed: "ended with items owed (infrastructure failed), so its exports are provisional: the same command tries them again",
  failing:
    "stopped early because most of what a stage tried failed, so its exports are provisional: the same command continues it once that is mended",
  short: "ended with fewer examples than asked for",
  interrupted: "interrupted, so its exports are provisional: the same command continues it",
  budget: "stopped by its budget: the same command continues it once the budget is raised",
  stopped: "stopped by something only you can mend: the same command continues it afterwards",
  crashed: "crashed: a bug stopped it; the same command continues it",
};

/**
 * The audit as text for a terminal. `now` tells how long ago a run without an end was last heard of; `flags` is what the commands to
 * run next need besides (`--output elsewhere`, or nothing).
 */
export function auditPage(audit: Audit, options: { now: Date; flags: string }): string {
  const parts = [header(audit, options.now), funnelTable(audit.funnel), ...spendPart(audit)];
  if (audit.problems.length > 0) {
    parts.push(
      `The account does not agree with itself\n${audit.problems.map((problem) => `  ! ${problem}`).join("\n")}`,
    );
  }
  if (audit.notes.length > 0) {
    parts.push(`Notes\n${audit.notes.map((note) => `  ${oneLine(note, 200)}`).join("\n")}`);
  }
  const kept = audit.samples.filter((sample) => sample.outcome === "passed");
  const dropped = audit.samples.filter((sample) => sample.outcome !== "passed");
  if (kept.length > 0) parts.push(`Kept, for example\n\n${kept.map(samplePart).join("\n\n")}`);
  if (dropped.length > 0) parts.push(`Dropped or owed, for example\n\n${dropped.map(samplePart).join("\n\n")}`);
  parts.push(nextPart(audit, options.flags === "" ? "" : ` ${options.flags}`));
  return `${parts.join("\n\n")}\n`;
}

function header(audit: Audit, now: Date): string {
  const recipe = [audit.recipe, audit.config].filter((part) => part !== null).join(", ");
  const lines = [`Run ${audit.run}${recipe === "" ? "" : ` (${recipe})`}`, statusLine(audit, now)];
  const yielded = yieldLine(audit);
  if (yielded !== null) lines.push(yielded);
  if (audit.yield.length > 2) {
    lines.push(`Line:  ${audit.yield.map((step) => plural(step.count, step.kind)).join(" -> ")}`);
  }
  if (audit.totals) {
    const { requests, tokens, costUsd } = audit.totals;
    lines.push(
      `Spent: ${plural(requests.sent, "request")} sent, ${count(requests.remembered)} remembered, ${count(requests.failed)} failed, ${count(requests.lost)} lost; ` +
        `${count(tokens.input)} tokens in, ${count(tokens.output)} out; ${costUsd === null ? "no price known" : `$${costUsd.toFixed(2)}`}`,
    );
  }
  return lines.join("\n");
}

/** What was asked (what the first stage made of seeds, or the user's own questions) against what the last stage let out: `Yield: 3,700 queries -> 2,000 examples (54.1 %)`. */
function yieldLine(audit: Audit): string | null {
  const made = audit.yield.find(({ kind }) => kind !== "seed");
  const out = audit.funnel.at(-1)?.out ?? 0;
  if (!made || (out === 0 && audit.status === null)) return null;
  // A last stage that let nothing out leaves no id to read the kind from.
  const kind = out === 0 ? "example" : (audit.yield.at(-1)?.kind ?? "example");
  if (kind === made.kind) return null;
  const sofar = audit.status === null ? " so far" : "";
  return `Yield${sofar}: ${plural(made.count, made.kind)} -> ${plural(out, kind)} (${share(out, made.count)})`;
}

function statusLine(audit: Audit, now: Date): string {
  if (audit.status !== null) {
    return `Status: ${statusMeanings[audit.status]}${audit.totals ? `, after ${duration(audit.totals.wallSeconds)}` : ""}`;
  }
  const heard =
    audit.lastEventAt === null
      ? "no event yet"
      : `last event ${audit.lastEventAt}, ${duration((now.getTime() - Date.parse(audit.lastEventAt)) / 1000)} ago`;
  return `Status: no summary.json: it is still running, or it died (${heard}); the counts are those so far`;
}

/** What each stage asked of each model and what it cost: now, and with what earlier runs paid for the answers it remembered. */
function spendPart({ totals }: Audit): string[] {
  const { spend = [], usedUsd: inAll, costPerExampleUsd } = totals ?? {};
  if (spend.length === 0) return [];
  const rows = spend.map((line) => [
    ...[line.stage ?? "(no stage)", line.model],
    ...[
      line.sent,
      line.remembered,
      line.inputTokens,
      line.cachedInputTokens,
      line.outputTokens,
      line.reasoningTokens,
    ].map(count),
    ...[dollars(line.costUsd), dollars(usedUsd([line]))],
  ]);
  const head = ["stage", "model", "sent", "remembered", "tokens in", "cached", "out", "reasoning", "now", "in all"];
  const estimated = spend.reduce((sum, line) => sum + line.estimated, 0);
  const lines = [
    `Cost in all, with what was remembered: ${dollars(inAll ?? null)}; an accepted example: ${dollars(costPerExampleUsd ?? null)}`,
    indent(table([head, ...rows], [2, 3, 4, 5, 6, 7, 8, 9]), "  "),
    ...(estimated === 0 ? [] : [`  ${plural(estimated, "answer")} came without usage: their tokens are estimates`]),
  ];
  return [lines.join("\n")];
}

function funnelTable(rows: readonly CountedRow[]): string {
  if (rows.length === 0) return "No item has ended in any stage yet.";
  const head = ["stage", "in", "passed", "rejected", "failed", "pending", "out", "passed of in"];
  const body = rows.map((row) => [
    row.stage,
    ...[row.in, row.passed, row.rejected, row.failed, row.pending, row.out].map(count),
    `${bar(row.passed, row.in, 20)} ${share(row.passed, row.in)}`,
  ]);
  const lines = table([head, ...body], [1, 2, 3, 4, 5, 6]).split("\n");
  return rows.reduce(
    (text, row, index) => [text, lines[index + 1] ?? "", ...reasonLines(row)].join("\n"),
    lines[0] ?? "",
  );
}

function reasonLines(row: CountedRow): string[] {
  const reasons = mostFirst(row.reasons).map(([code, items]) => [count(items), share(items, row.in), code]);
  const failures = mostFirst(row.failures).map(([kind, items]) => [
    count(items),
    share(items, row.in),
    `${kind} (owed)`,
  ]);
  const cells = [...reasons, ...failures];
  return cells.length === 0 ? [] : indent(table(cells, [0, 1]), "    - ").split("\n");
}

function mostFirst(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function samplePart(sample: Sample): string {
  const ending = sample.outcome === "passed" ? `passed ${sample.stage}` : `${sample.outcome} at ${sample.stage}`;
  const lines = [`  ${sample.id}  ${ending}${sample.code === null ? "" : `: ${sample.code}`}`];
  const add = (name: string, text: string) => lines.push(`    ${name.padEnd(9)} ${text}`);
  if (sample.question !== null) add("question", oneLine(sample.question, 240));
  if (sample.reference !== null) add("reference", oneLine(sample.reference, 120));
  if (sample.answer !== undefined) add("answer", sample.answer === null ? "(none)" : oneLine(sample.answer, 120));
  if (sample.message !== null) add("why", oneLine(sample.message, 240));
  if (sample.evidence !== null) add("evidence", bounded(JSON.stringify(sample.evidence), 300));
  return lines.join("\n");
}

function nextPart(audit: Audit, flags: string): string {
  const next: [string, string][] = [];
  const dropped = audit.samples.find((sample) => sample.outcome !== "passed");
  const kept = audit.samples.find((sample) => sample.outcome === "passed");
  for (const sample of [kept, dropped]) {
    if (sample)
      next.push([
        `npx tracemill why ${audit.run} ${sample.id}${flags}`,
        sample.outcome === "failed" ? "why it is owed" : `why it was ${sample === kept ? "kept" : "dropped"}`,
      ]);
  }
  const worst = mostDropped(audit.funnel);
  if (worst) {
    next.push([
      `npx tracemill audit ${audit.run} --stage ${worst.stage} --reason ${worst.code} --samples 10${flags}`,
      "more of the commonest reason",
    ]);
  }
  if (audit.status === "owed") {
    next.push([`npx tracemill waive ${audit.run} --list${flags}`, "what is owed, and how to do without it"]);
  }
  if (audit.status !== "done" && audit.status !== "short" && audit.command !== null) {
    next.push([audit.command, "go on with what is owed or pending"]);
  }
  if (next.length === 0) return `Next\n  npx tracemill audit ${audit.run}${flags}    again, once items have ended`;
  return `Next\n${indent(table(next), "  ")}`;
}

function mostDropped(rows: readonly CountedRow[]): { stage: string; code: string } | null {
  let worst: { stage: string; code: string; dropped: number } | null = null;
  for (const row of rows) {
    for (const [code, dropped] of Object.entries(row.reasons)) {
      if (worst === null || dropped > worst.dropped) worst = { stage: row.stage, code, dropped };
    }
  }
  return worst;
}
