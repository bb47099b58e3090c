// What a run of the suite found, as plain data: printed, written as JSON, and made into docs/hostile.md.
import type { Kind } from "./case.ts";
import type { Conditions } from "./conditions.ts";

/**
 * `held`: the safe outcome was seen. `not promised`: it was not, and this target does not promise it. `known gap`: it failed, and the
 * case says what stands open. `failed`: anything else.
 */
export type Outcome = "held" | "not promised" | "known gap" | "failed";

export interface CaseReport {
  readonly row: number;
  readonly name: string;
  readonly kind: Kind;
  readonly outcome: Outcome;
  readonly agentSees: string;
  readonly record: string;
  /** Why it is not promised, what stands open, or how it failed. */
  readonly why: string | null;
  readonly wallMs: number;
}

export interface GroupReport extends Conditions {
  readonly kind: Kind;
}

export interface TargetReport {
  readonly target: string;
  readonly about: Readonly<Record<string, string>>;
  readonly cases: readonly CaseReport[];
  readonly groups: readonly GroupReport[];
  /** What was left after all groups; empty when nothing was. */
  readonly left: readonly string[];
  readonly wallMs: number;
}

export interface MissingTarget {
  readonly target: string;
  readonly reason: string;
  /** TRACEMILL_REQUIRE_BACKENDS names it. */
  readonly required: boolean;
}

export interface RunReport {
  readonly at: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly targets: readonly TargetReport[];
  readonly missing: readonly MissingTarget[];
  readonly wallMs: number;
}

/** A sentence for everything that makes a run fail; empty when all held or was told in advance. */
export function failures(report: RunReport): string[] {
  return [
    ...(report.targets.length === 0 ? ["there is no sandbox here to try anything on"] : []),
    ...report.missing
      .filter(({ required }) => required)
      .map(({ target, reason }) => `${target} is required: ${reason}`),
    ...report.targets.flatMap(({ target, cases, groups, left }) => [
      ...left.map((line) => `${target}, after all: ${line}`),
      ...cases
        .filter(({ outcome }) => outcome === "failed")
        .map(({ row, name, why }) => `${target}, row ${row} "${name}": ${why}`),
      ...groups.flatMap(({ kind, broken }) =>
        broken.map((line) => `${target}, around the cases of "${kind}": ${line}`),
      ),
    ]),
  ];
}
