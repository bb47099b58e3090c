import type { Model, SandboxBackend } from "../contracts.ts";
import type { RunStatus } from "../domain/run.ts";
import {
  commonest,
  type EndpointSnapshot,
  type RunSnapshot,
  type RunState,
  type StageSnapshot,
} from "../domain/run-snapshot.ts";
import type { Account } from "../engine/account.ts";
import { thisHolder } from "../engine/holder.ts";
import type { Admissions } from "../models/admission.ts";
import type { Meter } from "../models/meter.ts";
import { createPace, secondsLeft } from "./pace.ts";

/** Where the numbers of a run under way come from. */
export interface SnapshotSources {
  readonly run: string;
  readonly recipe: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly account: Account;
  readonly meter: Meter;
  readonly admissions: Pick<Admissions, "endpoints">;
  readonly models: readonly Pick<Model, "name" | "identity">[];
  readonly backend: Pick<SandboxBackend, "occupancy" | "ends">;
  /** Examples asked for; null where a run has no such number. */
  readonly target: number | null;
  readonly budget: () => RunSnapshot["budget"];
  readonly isDraining: () => boolean;
  readonly now?: () => number;
}

const rateOverMs = 60_000;
const itemsKept = 5;

/** A way to look at a run under way, as often as one likes; give it the status once the run has ended. */
export function snapshotsOf(sources: SnapshotSources): (ended?: RunStatus) => RunSnapshot {
  const { account, meter, now = Date.now } = sources;
  const pace = createPace(now);
  const { boot, pid, started } = thisHolder();

  return (ended) => {
    const atMs = now();
    const rows = account.rows();
    const endpoints = endpointsOf(sources).map((endpoint) => ({ ...endpoint, total: meter.total(endpoint.aliases) }));
    pace.see([
      ...rows.map((row) => row.passed + row.rejected + row.failed),
      ...endpoints.map(({ total }) => total.sent - total.underWay - total.failed + total.remembered),
    ]);
    // The recent half of a short run, five minutes of a long one: what was remembered comes first and fast.
    const recentMs = Math.min(Math.max((atMs - sources.startedMs) / 2, 30_000), 300_000);
    const seconds = (ms: number) => Math.max(0, Math.round(ms / 100) / 10);

    const stages = rows.map(
      ({ reasons, ...row }, index): StageSnapshot => ({
        ...row,
        underWay: account.underWay(row.stage),
        perMinute: pace.perMinute(index, rateOverMs),
        reasons: commonest(reasons),
      }),
    );
    return {
      version: 2,
      run: sources.run,
      recipe: sources.recipe,
      at: new Date(atMs).toISOString(),
      startedAt: new Date(sources.startedMs).toISOString(),
      state: ended ?? stateOf(sources, stages),
      process: { boot, pid, started },
      stages,
      endpoints: endpoints.map(
        ({ endpoint, model, waiting, pauses, pausedMs, downMs, total }, index): EndpointSnapshot => ({
          endpoint,
          model,
          inFlight: total.underWay,
          sent: total.sent,
          remembered: total.remembered,
          failed: total.failed,
          inputTokens: total.inputTokens,
          outputTokens: total.outputTokens,
          costUsd: total.costUsd,
          perMinute: pace.perMinute(rows.length + index, rateOverMs),
          waiting,
          pauses,
          pausedSeconds: seconds(pausedMs),
          downSeconds: seconds(downMs),
        }),
      ),
      spend: meter.spend(),
      budget: sources.budget(),
      sandboxes: { ...sources.backend.occupancy(), ends: endsOf(sources.backend) },
      slowest: account
        .slowest(itemsKept)
        .map(({ stage, id, sinceMs }) => ({ stage, id, seconds: seconds(atMs - sinceMs) })),
      failures: account
        .failures()
        .slice(-itemsKept)
        .reverse()
        .map((failure) => ({ ...failure })),
      examples: rows.at(-1)?.out ?? 0,
      target: sources.target,
      secondsLeft: ended === undefined ? secondsLeft(stages, (index) => pace.perMinute(index, recentMs)) : null,
    };
  };
}

function endsOf(backend: Pick<SandboxBackend, "ends">) {
  const { failed, ...counts } = backend.ends();
  return { ...counts, failed: { ...failed } as Record<string, number> };
}

function stateOf(sources: SnapshotSources, stages: readonly StageSnapshot[]): RunState {
  if (sources.isDraining()) return "draining";
  return stages.some((stage) => stage.in > 0) ? "running" : "starting";
}

interface NamedEndpoint {
  readonly endpoint: string;
  readonly model: string;
  readonly aliases: string[];
  readonly waiting: number;
  readonly pauses: number;
  readonly pausedMs: number;
  readonly downMs: number;
}

/** The endpoints under the names that models give them: one that answers at several addresses (the offline teacher) is one. */
function endpointsOf({ admissions, models }: SnapshotSources): NamedEndpoint[] {
  const named = new Map<string, NamedEndpoint>();
  for (const { baseUrl, aliases, waiting, pauses, pausedMs, downMs } of admissions.endpoints()) {
    const served = models.filter((model) => aliases.includes(model.name)).map(({ identity }) => identity);
    const endpoint = String(served[0]?.endpoint ?? baseUrl);
    const model = [...new Set(served.map((identity) => String(identity.model)))].join(", ");
    const known = named.get(endpoint);
    named.set(endpoint, {
      endpoint,
      model: known?.model ?? model,
      aliases: [...(known?.aliases ?? []), ...aliases],
      waiting: waiting + (known?.waiting ?? 0),
      pauses: pauses + (known?.pauses ?? 0),
      pausedMs: Math.max(pausedMs, known?.pausedMs ?? 0),
      downMs: Math.max(downMs, known?.downMs ?? 0),
    });
  }
  return [...named.values()];
}
