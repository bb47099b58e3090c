import { type FailureError, whatBroke } from "../domain/errors.ts";
import type { FunnelRow } from "../domain/run.ts";
import type { EventSink } from "./events.ts";
import { createSeen } from "./seen.ts";
import type { Rejected } from "./stage.ts";

/** An item a stage works on, and since when (milliseconds of the line's clock). */
export interface UnderWay {
  readonly stage: string;
  readonly id: string;
  readonly sinceMs: number;
}

export interface Failure {
  readonly stage: string;
  readonly id: string;
  readonly kind: FailureError["kind"];
  /** How it broke, where the kind breaks in several ways. */
  readonly code?: NonNullable<FailureError["code"]>;
  readonly message: string;
}

/** What a line did so far, for a display while it runs and for the summary at its end. */
export interface Account {
  /** One row per stage, in the line's order; `pending` holds what entered and has not ended, also what is under way. */
  rows(): FunnelRow[];
  /** Items a stage works on now. */
  underWay(stage: string): number;
  /** The `limit` items worked on longest, longest first. */
  slowest(limit: number): UnderWay[];
  /** The last failures, oldest first, at most 20. */
  failures(): readonly Failure[];
}

/** One stage's side of the account: every item that enters is ended by exactly one of pass, reject, fail or leave. */
export interface StageAccount {
  /** @throws {Error} when the id entered this stage before. */
  enter(id: string): void;
  begin(id: string): void;
  pass(id: string, out: readonly string[], bodies?: Readonly<Record<string, string>>): void;
  reject(id: string, rejected: Omit<Rejected, "outcome">, bodies?: Readonly<Record<string, string>>): void;
  fail(id: string, error: FailureError): void;
  /** These items stay pending. */
  leave(items: number): void;
  /** Work on an item that had begun is over, whatever came of it. */
  settle(id: string): void;
}

const failuresShown = 20;

/** Counts a line's items and writes one event per item and stage end. */
export function createAccount(stages: readonly string[], events: EventSink, now: () => number) {
  const tallies = new Map(stages.map((stage) => [stage, createTally()]));
  const failures: Failure[] = [];
  const clock = isoClock(now);

  function stageAccount(stage: string): StageAccount {
    const tally = find(tallies, stage);
    return {
      enter(id) {
        if (!tally.seen.add(id))
          throw new Error(`Expected an id to enter stage \`${stage}\` once, got \`${id}\` twice`);
        tally.in += 1;
      },
      begin(id) {
        tally.begun.set(id, now());
      },
      settle(id) {
        tally.begun.delete(id);
      },
      pass(id, out, bodies) {
        events.write({
          type: "item",
          at: clock(),
          stage,
          id,
          outcome: "passed",
          out: [...out],
          ...(bodies && { bodies }),
        });
        tally.passed += 1;
        tally.out += out.length;
      },
      reject(id, { code, message, evidence }, bodies) {
        events.write({
          ...{ type: "item", at: clock(), stage, id, outcome: "rejected", code, message },
          ...(evidence === undefined ? {} : { evidence }),
          ...(bodies && { bodies }),
        });
        tally.rejected += 1;
        tally.reasons.set(code, (tally.reasons.get(code) ?? 0) + 1);
      },
      fail(id, { kind, code, message }) {
        const broke = whatBroke({ kind, code });
        events.write({ type: "item", at: clock(), stage, id, outcome: "failed", code: broke, message });
        tally.failed += 1;
        failures.push({ stage, id, kind, ...(code !== undefined && { code }), message });
        if (failures.length > failuresShown) failures.shift();
      },
      leave(items) {
        tally.left += items;
      },
    };
  }

  const account: Account = {
    rows: () =>
      [...tallies].map(([stage, { in: entered, passed, rejected, failed, out, reasons }]) => ({
        stage,
        in: entered,
        passed,
        rejected,
        failed,
        pending: entered - passed - rejected - failed,
        out,
        reasons: Object.fromEntries([...reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
      })),
    underWay: (stage) => find(tallies, stage).begun.size,
    slowest: (limit) =>
      [...tallies]
        .flatMap(([stage, { begun }]) => firstOf(begun, limit).map(([id, sinceMs]) => ({ stage, id, sinceMs })))
        .sort((a, b) => a.sinceMs - b.sinceMs)
        .slice(0, limit),
    failures: () => [...failures],
  };

  /** @throws {Error} where a stage's items do not add up, or a stage lost or doubled what the one before it gave out. */
  function check(): void {
    let before: { stage: string; out: number } | undefined;
    for (const [stage, { in: entered, passed, rejected, failed, left, out }] of tallies) {
      if (entered !== passed + rejected + failed + left) {
        throw new Error(
          `Expected the items of stage \`${stage}\` to add up, got ${entered} in, ${passed} passed + ${rejected} rejected + ${failed} failed + ${left} pending`,
        );
      }
      if (before && before.out !== entered) {
        throw new Error(
          `Expected stage \`${stage}\` to take what \`${before.stage}\` gave out, got ${entered} in after ${before.out} out`,
        );
      }
      before = { stage, out };
    }
  }

  return { account, stage: stageAccount, check };
}

function createTally() {
  const reasons = new Map<string, number>();
  // In the order in which they began: no more than the stage's concurrency, so it stays small.
  const begun = new Map<string, number>();
  return { in: 0, begun, passed: 0, rejected: 0, failed: 0, left: 0, out: 0, reasons, seen: createSeen() };
}

function find<T>(tallies: ReadonlyMap<string, T>, stage: string): T {
  const tally = tallies.get(stage);
  if (!tally) throw new Error(`Expected a stage of this line (${[...tallies.keys()].join(", ")}), got \`${stage}\``);
  return tally;
}

function firstOf<K, V>(map: ReadonlyMap<K, V>, limit: number): [K, V][] {
  const first: [K, V][] = [];
  for (const entry of map) {
    if (first.length === limit) break;
    first.push(entry);
  }
  return first;
}

/** ISO time, formatted once per millisecond: a line may end a hundred thousand items a second. */
function isoClock(now: () => number): () => string {
  let last = Number.NaN;
  let text = "";
  return () => {
    const time = now();
    if (time !== last) {
      last = time;
      text = new Date(time).toISOString();
    }
    return text;
  };
}
