// How a run ended: its status, exit code and last words. Decisions and text only.
import { count, dollars, duration, plural } from "../audit/text.ts";
import type { ExportedFile } from "../contracts.ts";
import { BudgetError, UsageError } from "../domain/errors.ts";
import type { FunnelRow, RunStatus, RunSummary } from "../domain/run.ts";
import { waivedCode } from "./waivers.ts";

/** Exit codes of a run by its status; the table stands in docs/files.md. */
export const exitCodes: Readonly<Record<RunStatus, number>> = {
  done: 0,
  crashed: 1,
  stopped: 2,
  owed: 3,
  failing: 3,
  budget: 4,
  short: 5,
  interrupted: 130,
};

/** The status of a line that came to its end, drained or not. */
export function statusOf(end: {
  /** A stage failed too often, before anybody interrupted the run. */
  readonly failing: boolean;
  readonly interrupted: boolean;
  /** A budget let something not be sent. */
  readonly budget: boolean;
  readonly owed: number;
  readonly examples: number;
  readonly target: number;
}): RunStatus {
  if (end.failing) return "failing";
  if (end.interrupted) return "interrupted";
  if (end.budget) return "budget";
  if (end.owed > 0) return "owed";
  return end.examples < end.target ? "short" : "done";
}

/** The status of a line that an error stopped. */
export function statusOfError(error: unknown, stopping: AbortSignal): RunStatus {
  if (stopping.aborted && error === stopping.reason) return "interrupted";
  if (error instanceof BudgetError) return "budget";
  return error instanceof UsageError ? "stopped" : "crashed";
}

/** Items that infrastructure left undone: the next run tries them again. */
export function countOwed(rows: readonly FunnelRow[]): number {
  return rows.reduce((sum, row) => sum + row.failed, 0);
}

/** Why a run ended with its budget: which limit, what waits at which stage, and how to go on. `refusals` say which limits are spent. */
export function budgetSentence(refusals: readonly string[], rows: readonly FunnelRow[]): string {
  const waiting = rows
    .filter(({ pending }) => pending > 0)
    .map(({ stage, pending }) => `${count(pending)} at ${stage}`);
  const owed = countOwed(rows);
  const also = owed === 0 ? "" : `, and ${plural(owed, "item")} owed because something broke`;
  return (
    `Stopped by its budget: ${refusals.join("; ")} (what runs before spent counts). ` +
    `Waiting: ${waiting.length === 0 ? "nothing" : waiting.join(", ")}${also}. Raise it and ${runAgain}.`
  );
}

export const runAgain = "run the same command again: nothing that was received is paid twice";

/** What the run cost, where all prices are known; which models have none, where some are. Nothing of a run that asked nobody. */
function costWords({ spend = [], usedUsd, costUsd, costPerExampleUsd }: RunSummary): string[] {
  if (spend.length === 0) return [];
  const unpriced = spend.filter((line) => line.costUsd === null || line.rememberedUsd === null);
  if (usedUsd === undefined || usedUsd === null || costUsd === null) {
    const names = [...new Set(unpriced.map(({ model }) => `\`${model}\``))];
    return [`cost unknown: no price for ${names.join(", ")} (docs/costs.md)`];
  }
  if (usedUsd === 0) return [];
  const each =
    costPerExampleUsd === undefined || costPerExampleUsd === null ? "" : `, ${dollars(costPerExampleUsd)} an example`;
  return [`${dollars(costUsd)} now, ${dollars(usedUsd)} in all with what was remembered${each}`];
}

/** What is printed at the end of a run: what came of it, where it lies, and what to do next. `flags` go with the next command. */
export function closingWords(options: {
  readonly summary: RunSummary;
  readonly path: string;
  readonly files: readonly ExportedFile[];
  readonly target: number;
  readonly flags: string;
  readonly notes: readonly string[];
}): string {
  const { summary, files, target } = options;
  const [first, second] = summary.funnel;
  const rejected = summary.funnel.reduce((sum, row) => sum + row.rejected, 0);
  const owed = countOwed(summary.funnel);
  const lines = [
    "",
    `${plural(summary.examples, "example")} from ${plural((second ?? first)?.in ?? 0, "query")}; ${plural(rejected, "item")} rejected, each with a reason`,
    `${plural(summary.requests.sent, "request")} sent, ${count(summary.requests.remembered)} remembered, ${duration(summary.wallSeconds)}`,
    ...costWords(summary),
    ...files.map((file) => `  ${file.path}  (${plural(file.rows, "row")}, ${plural(file.bytes, "byte")})`),
    ...options.notes.map((note) => `${note}.`),
  ];
  const waived = summary.funnel.reduce((sum, row) => sum + (row.reasons[waivedCode] ?? 0), 0);
  if (waived > 0)
    lines.push(
      `${count(waived)} of the rejected ${waived === 1 ? "is" : "are"} waived: somebody decided to do without ${waived === 1 ? "it" : "them"}.`,
    );
  if (summary.status === "budget" && summary.because !== undefined) {
    lines.push(`${summary.because} Until then the exports are provisional.`);
  } else if (summary.because !== undefined) {
    lines.push(
      `${summary.because} ${plural(owed, "item")} owed, others not begun: until then the exports are provisional.`,
    );
  } else if (owed > 0) {
    lines.push(
      `${plural(owed, "item")} owed because something broke; ${runAgain}. Until then the exports are provisional.`,
      `What stays owed can be waived: npx tracemill waive ${summary.run} --list${options.flags}`,
    );
  }
  if (summary.status === "interrupted") {
    lines.push(`Stopped before the end, so the exports are partial; to finish, ${runAgain}.`);
  }
  if (summary.status === "short") {
    lines.push(
      `Asked for ${plural(target, "example")}, got ${count(summary.examples)}: nothing was lowered to fill the gap. See where they went with the audit, then add datasets or questions, or move a threshold (costs nothing).`,
    );
  }
  lines.push("", `next: npx tracemill audit ${summary.run}${options.flags}`, `      results in ${options.path}`);
  return lines.join("\n");
}
