import type { FunnelRow, RunEvent, RunSummary } from "../domain/run.ts";

/** A funnel row as counted from events: `reasons` counts the rejected by code, `failures` the failed by what broke. */
export interface CountedRow extends FunnelRow {
  failures: Record<string, number>;
}

/** What a run's events say happened, counted anew without trusting the engine's own account. */
export interface Funnel {
  rows: CountedRow[];
  /** How many of each kind of thing there were, in the order they came to be: seeds, queries, … */
  yield: { kind: string; count: number }[];
  /** From the last `ended` event; null while the run goes on or when it died. */
  status: string | null;
  startedAt: string | null;
  lastAt: string | null;
  notes: string[];
}

interface Tally extends CountedRow {
  kindIn: string;
  kindOut: string | null;
}

/** The kind of thing an id names: `query_3f9c…` is a `query`. */
export function kindOf(id: string): string {
  const end = id.lastIndexOf("_");
  return end > 0 ? id.slice(0, end) : "item";
}

/** The ids an item became: itself where a passed event does not say. */
export function becameOf(event: Extract<RunEvent, { type: "item" }>): readonly string[] {
  return event.outcome === "passed" ? (event.out ?? [event.id]) : [];
}

/**
 * Counts the funnel in one pass, holding only counters. `stages` names the line's order, so that stages nothing reached are shown;
 * without it stages stand in order of first appearance, which a line's events keep. The first stage's pending items leave no trace
 * in events, so its `in` counts what ended there.
 */
export async function countFunnel(
  events: AsyncIterable<RunEvent>,
  options: { stages?: readonly string[] | undefined } = {},
): Promise<Funnel> {
  const tallies = new Map<string, Tally>();
  const tallyOf = (stage: string): Tally => {
    const known = tallies.get(stage);
    if (known) return known;
    const fresh: Tally = { ...emptyRow(stage), kindIn: "", kindOut: null };
    tallies.set(stage, fresh);
    return fresh;
  };
  for (const stage of options.stages ?? []) tallyOf(stage);
  const funnel: Funnel = { rows: [], yield: [], status: null, startedAt: null, lastAt: null, notes: [] };
  for await (const event of events) {
    funnel.lastAt = event.at;
    if (event.type === "started") funnel.startedAt ??= event.at;
    else if (event.type === "ended") funnel.status = event.status;
    else if (event.type === "note") funnel.notes.push(event.message);
    else {
      const tally = tallyOf(event.stage);
      const out = becameOf(event);
      tally[event.outcome] += 1;
      tally.out += out.length;
      tally.kindIn ||= kindOf(event.id);
      if (out[0] !== undefined) tally.kindOut ??= kindOf(out[0]);
      if (event.outcome !== "passed") {
        const counts = event.outcome === "rejected" ? tally.reasons : tally.failures;
        const reason = event.code ?? event.outcome;
        counts[reason] = (counts[reason] ?? 0) + 1;
      }
    }
  }
  const ordered = [...tallies.values()];
  for (const [index, tally] of ordered.entries()) {
    const ended = tally.passed + tally.rejected + tally.failed;
    const before = ordered[index - 1];
    tally.in = before ? before.out : ended;
    tally.pending = tally.in - ended;
  }
  funnel.yield = yieldOf(ordered);
  funnel.rows = ordered.map(({ kindIn: _in, kindOut: _out, ...row }) => row);
  return funnel;
}

function emptyRow(stage: string): CountedRow {
  return { stage, in: 0, passed: 0, rejected: 0, failed: 0, pending: 0, out: 0, reasons: {}, failures: {} };
}

function yieldOf(tallies: readonly Tally[]): Funnel["yield"] {
  const steps: Funnel["yield"] = [];
  for (const tally of tallies) {
    if (tally.kindIn !== "" && steps.at(-1)?.kind !== tally.kindIn) steps.push({ kind: tally.kindIn, count: tally.in });
    if (tally.kindOut !== null && tally.kindOut !== tally.kindIn) {
      steps.push({ kind: tally.kindOut, count: tally.out });
    }
  }
  return steps;
}

/** Where the events and the engine's own account (null without a summary) disagree or do not add up; empty when all is well. */
export function funnelProblems(counted: readonly CountedRow[], summary: RunSummary | null): string[] {
  const problems: string[] = [];
  for (const row of counted) {
    if (row.pending < 0) {
      problems.push(`\`${row.stage}\`: ${row.in - row.pending} items ended, but only ${row.in} came in`);
    }
  }
  if (summary === null) return problems;
  // A line that was stopped leaves items between stages, which the engine has not let in and the events have let out.
  const ranToItsEnd = ["done", "owed", "short"].includes(summary.status);
  for (const [index, row] of summary.funnel.entries()) {
    const sum = row.passed + row.rejected + row.failed + row.pending;
    if (sum !== row.in) {
      problems.push(`\`${row.stage}\`: summary.json says ${row.in} came in, but its ends and pending add up to ${sum}`);
    }
    const own = counted.find((other) => other.stage === row.stage) ?? emptyRow(row.stage);
    const compared = ["passed", "rejected", "failed", "out"] as const;
    for (const end of index > 0 && ranToItsEnd ? (["in", ...compared] as const) : compared) {
      if (own[end] !== row[end]) {
        problems.push(`\`${row.stage}\`: events.jsonl has ${own[end]} ${end}, summary.json says ${row[end]}`);
      }
    }
    for (const code of new Set([...Object.keys(own.reasons), ...Object.keys(row.reasons)])) {
      const [here, there] = [own.reasons[code] ?? 0, row.reasons[code] ?? 0];
      if (here !== there) {
        problems.push(`\`${row.stage}\`: events.jsonl has ${here} of reason \`${code}\`, summary.json says ${there}`);
      }
    }
  }
  for (const row of counted) {
    if (!summary.funnel.some((other) => other.stage === row.stage)) {
      problems.push(`\`${row.stage}\`: in events.jsonl, missing from summary.json`);
    }
  }
  return problems;
}

/** The counted rows with what only the engine knows: how many items wait before the first stage. */
export function withFirstPending(counted: readonly CountedRow[], summary: RunSummary | null): CountedRow[] {
  return counted.map((row, index) => {
    const known = index === 0 ? summary?.funnel.find((other) => other.stage === row.stage) : undefined;
    return known === undefined ? row : { ...row, in: row.in + known.pending, pending: row.pending + known.pending };
  });
}
