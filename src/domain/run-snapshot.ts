import { z } from "zod";
import { logLevels } from "./log-level.ts";
import { budgetSpent, type FunnelRow, runStatuses, runSummary, spendLine } from "./run.ts";

const count = z.number().int().nonnegative();

/** What a run is doing: `starting` until an item moves, `draining` after the first Ctrl-C; then how it ended. */
export const runStates = ["starting", "running", "draining", ...runStatuses] as const;
export type RunState = (typeof runStates)[number];

/** One stage under way. Of `pending` items, `underWay` are worked on now. `perMinute` counts ends; null until it can be told. */
export const stageSnapshot = z.strictObject({
  stage: z.string(),
  in: count,
  passed: count,
  rejected: count,
  failed: count,
  pending: count,
  underWay: count,
  out: count,
  perMinute: z.number().nonnegative().nullable(),
  /** The commonest reasons for rejection, commonest first. */
  reasons: z.array(z.strictObject({ code: z.string(), count })),
});
export type StageSnapshot = z.infer<typeof stageSnapshot>;

/** One endpoint, all its aliases together. Tokens and `costUsd` (null: no price known) are those of answers received in this run. */
export const endpointSnapshot = z.strictObject({
  endpoint: z.string(),
  model: z.string(),
  inFlight: count,
  sent: count,
  remembered: count,
  failed: count,
  inputTokens: count,
  outputTokens: count,
  costUsd: z.number().nonnegative().nullable(),
  /** Answers a minute, remembered ones too. */
  perMinute: z.number().nonnegative().nullable(),
  /** Requests that wait for their turn. */
  waiting: count,
  /** How often it asked for a pause so far, and seconds left of the present one (0 when there is none). */
  pauses: count,
  pausedSeconds: z.number().nonnegative(),
  /** Seconds since it answers nobody, so that all wait and one request looks now and then; 0 while it answers. Absent in older files. */
  downSeconds: z.number().nonnegative().optional(),
});
export type EndpointSnapshot = z.infer<typeof endpointSnapshot>;

/** A run under way as plain data: what the display draws, `status.json` holds and `--json` prints. Times are ISO, spans seconds. */
export const runSnapshot = z.strictObject({
  version: z.literal(2),
  run: z.string(),
  recipe: z.string(),
  at: z.string(),
  startedAt: z.string(),
  state: z.enum(runStates),
  /** The process that runs it, named so that no later process is taken for it; null where the run left no word of it. */
  process: z.strictObject({ boot: z.string(), pid: z.number().int(), started: z.string() }).nullable(),
  stages: z.array(stageSnapshot),
  endpoints: z.array(endpointSnapshot),
  /** By stage and model; absent where a run without a status is told from its events. */
  spend: z.array(spendLine).exactOptional(),
  /** Of every limit of the config's budget; empty where it sets none. */
  budget: z.array(budgetSpent),
  sandboxes: z
    .strictObject({
      open: count,
      limit: count,
      waiting: count,
      /** How those opened so far ended: by the run, by the code in them, by broken infrastructure (by code). */
      ends: z
        .strictObject({ opened: count, closed: count, killed: count, failed: z.record(z.string(), count) })
        .optional(),
    })
    .nullable(),
  /** Items worked on longest, longest first. */
  slowest: z.array(z.strictObject({ stage: z.string(), id: z.string(), seconds: z.number().nonnegative() })),
  /** The last failures, newest first. */
  failures: z.array(
    z.strictObject({
      stage: z.string(),
      id: z.string(),
      kind: z.string(),
      /** How it broke, where the kind breaks in several ways: `sandbox_lost` … */
      code: z.string().optional(),
      message: z.string(),
    }),
  ),
  /** Examples made so far, of those asked for. */
  examples: count,
  target: count.nullable(),
  /** An estimate; null where nothing can be said yet. */
  secondsLeft: z.number().nonnegative().nullable(),
});
export type RunSnapshot = z.infer<typeof runSnapshot>;

/** The levels of what is said while a run goes on; a request's texts are never said. */
const saidLevel = z.enum(logLevels).exclude(["trace"]);
export type SaidLevel = z.infer<typeof saidLevel>;

/** One line that `tracemill run --json` prints. The summary comes last, and only of a run that began. */
export const watchLine = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("log"), at: z.string(), level: saidLevel, message: z.string() }),
  z.strictObject({ type: z.literal("snapshot"), ...runSnapshot.shape }),
  z.strictObject({ type: z.literal("summary"), path: z.string(), exitCode: z.number().int(), ...runSummary.shape }),
]);
export type WatchLine = z.infer<typeof watchLine>;

/**
 * What `tracemill status --json` prints. `silent`: the process lives and has said nothing for ten seconds. `dead`: it is gone and wrote no end.
 * `unknown`: the run wrote no end and no status, so nobody can tell. `words` says the same for persons.
 */
export const runReport = z.strictObject({
  run: z.string(),
  state: z.enum(["running", "draining", "silent", "dead", "unknown", "ended"]),
  words: z.string(),
  snapshot: runSnapshot,
  summary: runSummary.nullable(),
});
export type RunReport = z.infer<typeof runReport>;

const reasonsKept = 3;

/** The commonest reasons of a funnel's row, commonest first, as a snapshot holds them. */
export function commonest(reasons: FunnelRow["reasons"]): StageSnapshot["reasons"] {
  return Object.entries(reasons)
    .map(([code, count]) => ({ code, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, reasonsKept);
}
