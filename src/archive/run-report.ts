// How a run goes or went, told by what it left in its folder.
import { countFunnel, withFirstPending } from "../audit/funnel.ts";
import { duration, plural } from "../audit/text.ts";
import type { FunnelRow, RunSummary } from "../domain/run.ts";
import { commonest, type RunReport, type RunSnapshot } from "../domain/run-snapshot.ts";
import { readEvents } from "../engine/events.ts";
import { isAlive } from "../engine/holder.ts";
import { countOwed, runAgain } from "./run-end.ts";
import { exists, type RunFolder, readManifest, readStatus, readSummary } from "./run-folder.ts";

/** The process writes a status every second; a machine under load may let it wait a little. */
const silentAfterMs = 10_000;

/** Looks at a run once. @throws {UsageError} where its files are not what they should be. */
export async function reportOn(folder: RunFolder, now: number): Promise<RunReport> {
  // In this order: a process that is gone after its status was read has written its end before the summary is looked for.
  const status = await readStatus(folder);
  const lives = status?.process ? isAlive(status.process) : false;
  const summary = await readSummary(folder);
  if (summary !== null) {
    const snapshot = ended(status ?? (await toldFromEvents(folder, summary)), summary);
    return { run: folder.run, state: "ended", words: endWords(summary), snapshot, summary };
  }
  if (status === null) {
    const snapshot = await toldFromEvents(folder, null);
    return { run: folder.run, state: "unknown", words: unknownWords(snapshot), snapshot, summary };
  }
  const quietMs = Math.max(0, now - Date.parse(status.at));
  const pid = status.process?.pid;
  if (!lives) return { run: folder.run, state: "dead", words: deadWords(status, quietMs), snapshot: status, summary };
  if (quietMs > silentAfterMs) {
    const words =
      `Process ${pid} lives, but was last heard of ${duration(quietMs / 1000)} ago: it is suspended (Ctrl-Z, SIGSTOP) or gets no time. ` +
      `\`kill -CONT ${pid}\` wakes a suspended one.`;
    return { run: folder.run, state: "silent", words, snapshot: status, summary };
  }
  const draining = status.state === "draining";
  const words = draining
    ? `Draining as process ${pid}: work under way ends, nothing new starts.`
    : `Running as process ${pid}. Ctrl-C there, or \`kill -INT ${pid}\`, lets work under way end and stops.`;
  return { run: folder.run, state: draining ? "draining" : "running", words, snapshot: status, summary };
}

function deadWords(status: RunSnapshot, quietMs: number): string {
  return (
    `The process that ran it (${status.process?.pid}) is gone: it was killed or crashed at ${status.at}, ${duration(quietMs / 1000)} ago, ` +
    `or the machine was restarted. To go on, ${runAgain}.`
  );
}

function unknownWords(snapshot: RunSnapshot): string {
  return (
    `The run wrote neither its end nor a status: it died as it began, or an older Tracemill ran it, perhaps still does. ` +
    `Its last event is of ${snapshot.at}. If nothing runs it, ${runAgain}.`
  );
}

/** How a run ended, in a sentence. */
function endWords(summary: RunSummary): string {
  const made = `${plural(summary.examples, "example")} in ${duration(summary.wallSeconds)}`;
  const pending = summary.funnel.reduce((sum, row) => sum + row.pending, 0);
  switch (summary.status) {
    case "done":
      return `Done: ${made}.`;
    case "short":
      return `Done: ${made}, fewer than asked for. The audit shows where the others went.`;
    case "owed":
      return `Ended with ${plural(countOwed(summary.funnel), "item")} owed because something broke: ${made}. To have them, ${runAgain}.`;
    case "failing":
      return summary.because ?? `Stopped early because a stage mostly failed: ${made}. To go on, ${runAgain}.`;
    case "interrupted":
      return `Interrupted with ${plural(pending, "item")} pending: ${made}. To finish, ${runAgain}.`;
    case "budget":
      if (summary.because !== undefined) return `${made}. ${summary.because}`;
      return `Stopped by its budget with ${plural(pending, "item")} pending. Raise it and ${runAgain}.`;
    case "stopped":
      return `Stopped by something that only a person can mend, as a key that is refused. Once mended, ${runAgain}.`;
    case "crashed":
      return `Crashed with ${plural(pending, "item")} pending: this is a bug in Tracemill. What was committed is kept.`;
  }
}

function ended(snapshot: RunSnapshot, summary: RunSummary): RunSnapshot {
  if (snapshot.state === summary.status) return snapshot;
  return {
    ...snapshot,
    state: summary.status,
    stages: summary.funnel.map(stageOf),
    examples: summary.examples,
    secondsLeft: null,
  };
}

/** A snapshot of what a run without a status left: its funnel. Nothing is known of endpoints, rates or work under way. */
async function toldFromEvents(folder: RunFolder, summary: RunSummary | null): Promise<RunSnapshot> {
  const manifest = await readManifest(folder);
  const funnel = (await exists(folder.eventsPath))
    ? await countFunnel(readEvents(folder.eventsPath), { stages: manifest?.stages })
    : { rows: [], startedAt: null, lastAt: null };
  const rows = withFirstPending(funnel.rows, summary);
  const startedAt = manifest?.startedAt ?? funnel.startedAt ?? new Date(0).toISOString();
  const seconds = summary?.wallSeconds;
  return {
    version: 2,
    run: folder.run,
    recipe: manifest?.recipe ?? "?",
    at:
      seconds === undefined
        ? (funnel.lastAt ?? startedAt)
        : new Date(Date.parse(startedAt) + seconds * 1000).toISOString(),
    startedAt,
    state: summary?.status ?? (rows.some((row) => row.in > 0) ? "running" : "starting"),
    process: null,
    stages: rows.map(stageOf),
    endpoints: [],
    budget: summary?.budget ?? [],
    sandboxes: null,
    slowest: [],
    failures: [],
    examples: summary?.examples ?? rows.at(-1)?.out ?? 0,
    target: null,
    secondsLeft: null,
  };
}

function stageOf(row: FunnelRow): RunSnapshot["stages"][number] {
  const { stage, passed, rejected, failed, out } = row;
  return {
    stage,
    in: row.in,
    passed,
    rejected,
    failed,
    pending: Math.max(0, row.pending),
    out,
    underWay: 0,
    perMinute: null,
    reasons: commonest(row.reasons),
  };
}
