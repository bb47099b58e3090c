// The way to an answer: detours, the rows that count, then the family's own steps; longer or shorter, as it happens.
import { drawDetours } from "./detours.ts";
import type { Draw } from "./draw.ts";
import type { SolvingStep } from "./family.ts";
import { type Condition, filterForSolving, sayCondition } from "./filter.ts";
import type { LookFacts } from "./look.ts";
import type { KnownQuestion } from "./question.ts";

export interface PlannedStep extends SolvingStep {
  /** What its output says, for the thought after it. */
  readonly remark?: (output: string) => string;
}

export interface Plan {
  readonly steps: readonly PlannedStep[];
  /** So many steps at the beginning are detours: the answer does not need them. */
  readonly detours: number;
  /** Where the family's own steps begin: what comes before does not compute the answer. */
  readonly core: number;
}

/** The steps after the first look, at most `most` of them unless the question itself needs more. */
export function planFor(
  known: KnownQuestion,
  facts: LookFacts,
  most: number,
  options: { readonly inPieces: boolean },
  draw: Draw,
): Plan {
  const { family, slots, filter } = known;
  const detours = drawDetours(known, facts, most - family.solve(slots, facts).length - filter.length, draw);
  const brisk = !options.inPieces && draw.chance(family.difficulty === "easy" ? 0.4 : 0.15);
  const oneByOne = filter.length > 1 && draw.chance(0.6);
  const filtering = filter.length === 0 ? [] : oneByOne ? filter.map(narrow) : [narrowAtOnce(filter)];
  const own = family.solve(slots, facts);
  const core = brisk ? [inOne(own)] : own;
  if (brisk && filtering.length === 1 && filtering[0]) {
    return { steps: [...detours, inOne([filtering[0], ...core])], detours: detours.length, core: detours.length };
  }
  return {
    steps: [...detours, ...filtering, ...core],
    detours: detours.length,
    core: detours.length + filtering.length,
  };
}

function narrow(condition: Condition): PlannedStep {
  const { form, slots } = condition;
  const edge = form === "least" ? `\nprint("exactly at the bound:", int((wanted == ${slots.bound}).sum()))` : "";
  return {
    think: `Only rows in which ${sayCondition(condition)} count.`,
    code: `${filterForSolving(condition)}${edge}
print(int(keep.sum()), "of", len(df), "rows meet this")
df = df[keep].reset_index(drop=True)`,
    remark: (output) => {
      const edges = Number(/exactly at the bound: (\d+)/.exec(output)?.[1] ?? 0);
      return edges > 0 ? `${edges} rows lie exactly at the bound, and "at least" keeps them.` : "";
    },
  };
}

function narrowAtOnce(filter: readonly Condition[]): PlannedStep {
  const codes = filter.map(
    (condition, index) => `${filterForSolving(condition)}\n${index === 0 ? "meets = keep" : "meets = meets & keep"}`,
  );
  return {
    think: `First the rows: ${filter.map(sayCondition).join(", and ")}.`,
    code: `${codes.join("\n")}
print(int(meets.sum()), "of", len(df), "rows remain")
df = df[meets].reset_index(drop=True)`,
    remark: (output) => {
      const [left = 0, all = 0] = (/^(\d+) of (\d+) rows remain/m.exec(output) ?? []).slice(1).map(Number);
      return all > 0 ? `${left} rows remain to work with.` : "";
    },
  };
}

function inOne(steps: readonly SolvingStep[]): SolvingStep {
  return { think: steps.map(({ think }) => think).join(" "), code: steps.map(({ code }) => code).join("\n") };
}
