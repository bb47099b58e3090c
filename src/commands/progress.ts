import { styleText } from "node:util";
import { count, duration, table } from "../audit/text.ts";
import type { FunnelRow } from "../domain/run.ts";

/** What the engine knows of a run under way. */
export interface ProgressAccount {
  rows(): FunnelRow[];
  /** Items being worked on in a stage now. */
  underWay(stage: string): number;
}

/** What was spent so far; `costUsd` is null when a price is not known. */
export interface ProgressUsage {
  readonly sent: number;
  readonly remembered: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number | null;
}

export interface ProgressOptions {
  readonly account: ProgressAccount;
  readonly usage: () => ProgressUsage;
  /** Examples asked for. */
  readonly expected?: number;
  readonly stream: { write(text: string): unknown };
  readonly isTerminal: boolean;
  /** Width of the terminal, asked anew at each drawing. */
  readonly columns: () => number;
  /** Milliseconds, any origin. */
  readonly now: () => number;
  readonly intervalMs: number;
  /** Only NO_COLOR is looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Progress {
  /** Prints a line of its own, above the block. */
  log(line: string): void;
  /** Draws the last state and leaves it standing. */
  stop(): void;
}

/** Shows a run under way: a block redrawn in place on a terminal, plain lines elsewhere. Stop it when the run ends. */
export function showProgress(options: ProgressOptions): Progress {
  const startedMs = options.now();
  const colour = options.isTerminal && !(options.env ?? process.env).NO_COLOR;
  let drawnLines = 0;
  let lastPlain = "";
  let stopped = false;

  const clear = () => (drawnLines === 0 ? "" : `\u001b[${drawnLines}A\r\u001b[J`);
  const drawBlock = (above = "") => {
    const lines = blockLines(options, startedMs).map((line) => line.slice(0, Math.max(20, options.columns() - 1)));
    const styled = colour
      ? lines.map((line, index) => (index === 0 ? styleText("dim", line, { validateStream: false }) : line))
      : lines;
    // One write for clear, log line and block: nothing else can come between them.
    options.stream.write(`${clear()}${above}${styled.map((line) => `${line}\n`).join("")}`);
    drawnLines = lines.length;
  };
  const drawLine = () => {
    const counts = plainCounts(options);
    if (counts === lastPlain) return;
    lastPlain = counts;
    options.stream.write(`${duration((options.now() - startedMs) / 1000).padEnd(6)}  ${counts}\n`);
  };
  const draw = options.isTerminal ? () => drawBlock() : drawLine;

  const timer = setInterval(draw, options.intervalMs);
  timer.unref();
  return {
    log(line) {
      if (options.isTerminal && !stopped) drawBlock(`${line}\n`);
      else options.stream.write(`${line}\n`);
    },
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      draw();
      drawnLines = 0;
    },
  };
}

function blockLines(options: ProgressOptions, startedMs: number): string[] {
  const rows = options.account.rows();
  const head = ["stage", "in", "passed", "rejected", "failed", "under way"];
  const body = rows.map((row) => [
    row.stage,
    ...[row.in, row.passed, row.rejected, row.failed, options.account.underWay(row.stage)].map(count),
  ]);
  const lines = table([head, ...body], [1, 2, 3, 4, 5]).split("\n");
  return [...lines, spentLine(options.usage()), paceLine(options, rows, options.now() - startedMs)];
}

function spentLine(usage: ProgressUsage): string {
  const cost = usage.costUsd === null ? "" : `, $${usage.costUsd.toFixed(2)}`;
  return (
    `requests ${count(usage.sent)} sent, ${count(usage.remembered)} remembered, ${count(usage.failed)} failed; ` +
    `tokens ${count(usage.inputTokens)} in, ${count(usage.outputTokens)} out${cost}`
  );
}

function paceLine(options: ProgressOptions, rows: readonly FunnelRow[], elapsedMs: number): string {
  const usage = options.usage();
  const parts = [`elapsed ${duration(elapsedMs / 1000)}`];
  if (elapsedMs > 0) parts.push(`${(((usage.sent + usage.remembered) * 60_000) / elapsedMs).toFixed(0)} answers/min`);
  const left = timeLeftMs(rows, elapsedMs);
  if (left !== null) parts.push(`about ${duration(left / 1000)} left`);
  if (options.expected !== undefined)
    parts.push(`${count(rows.at(-1)?.out ?? 0)} of ${count(options.expected)} examples`);
  return parts.join("; ");
}

/**
 * Rough on purpose: the stage with the most items carries the work, and what is left of them ends at the pace so far. What is left
 * includes what stages before it still hold, multiplied as they multiplied so far. Null until the first stage has let everything
 * in and a tenth of the widest is done.
 */
function timeLeftMs(rows: readonly FunnelRow[], elapsedMs: number): number | null {
  const [first] = rows;
  if (!first || first.pending > 0 || first.in === 0) return null;
  let widest = { done: 0, left: 0 };
  let coming = 0;
  for (const row of rows) {
    const done = row.passed + row.rejected + row.failed;
    if (done === 0) break; // nothing known of it or of what follows
    const left = row.pending + coming;
    if (done + left > widest.done + widest.left) widest = { done, left };
    coming = left * (row.out / done);
  }
  if (widest.done < widest.left / 9) return null;
  return (elapsedMs / widest.done) * widest.left;
}

function plainCounts(options: ProgressOptions): string {
  const usage = options.usage();
  const stages = options.account
    .rows()
    .filter((row) => row.in > 0)
    .map((row) => {
      const drops = [row.rejected > 0 ? `-${row.rejected}` : "", row.failed > 0 ? `!${row.failed}` : ""].join("");
      return `${row.stage} ${row.passed}${drops}/${row.in}`;
    });
  return `${stages.join("  ")}  | ${count(usage.sent)} requests, ${count(usage.inputTokens + usage.outputTokens)} tokens`;
}
