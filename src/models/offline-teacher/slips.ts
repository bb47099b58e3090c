// How the solver errs, as models do.
import { codeTurn } from "./conversation.ts";
import type { Draw } from "./draw.ts";
import { type Family, py } from "./family.ts";
import type { Slots } from "./grammar.ts";
import type { LookFacts } from "./look.ts";
import type { KnownQuestion } from "./question.ts";

/** A message; `errs` marks the one in which a planted error first shows. */
export interface Turn {
  readonly text: string;
  readonly errs: boolean;
}

/** The slots with one numeric column taken for another; unchanged where there is no other. */
export function mixUp({ family, slots }: KnownQuestion, facts: LookFacts, draw: Draw): Slots {
  const used = Object.values(slots).flat();
  const others = facts.numericNames.filter((name) => !used.includes(name));
  const slot = family.numeric.find((name) => name in slots);
  return slot === undefined || others.length === 0 ? slots : { ...slots, [slot]: draw.pick(others) };
}

/** The slots as they are without one of the constraints. */
export function forget({ family, slots }: KnownQuestion): Slots {
  return family.forget?.(slots) ?? slots;
}

/** The code with the first column it names spelt as one would expect it, not as it is. */
export function misspelt(code: string, slots: Slots): string {
  const column = Object.values(slots).find((value) => typeof value === "string" && code.includes(`df[${py(value)}]`));
  if (typeof column !== "string") return code;
  const lower = column.toLowerCase().replaceAll(" ", "_");
  return code.replaceAll(`df[${py(column)}]`, `df[${py(lower === column ? `${column}s` : lower)}]`);
}

/** Looks on and on, or stops in the middle: no answer comes. */
export function wander(seen: readonly string[], facts: LookFacts, draw: Draw, nudged: boolean): Turn {
  const errs = seen.length === 1 && !nudged;
  if (draw.chance(0.5)) {
    return {
      text: "I have looked at the data. It is well suited to the question, and this is where I would start.",
      errs,
    };
  }
  const name = facts.names[seen.length % Math.max(1, facts.names.length)] ?? "";
  return { text: codeTurn("One more look before I decide.", `print(df[${py(name)}].describe())`), errs };
}

/** An answer made up without computing anything. */
export function invented(family: Family, facts: LookFacts, draw: Draw): string {
  return written(family, (answer) =>
    /rounded|number/.test(answer.written)
      ? (draw.number() * 100).toFixed(2)
      : (facts.examples[0] ?? facts.names[0] ?? "none"),
  );
}

/** An answer from an output that is not yet the result: the first number in it, whatever it is. */
export function hasty(family: Family, output: string, facts: LookFacts): string {
  const numbers = output.match(/-?\d+(?:\.\d+)?/g) ?? ["0"];
  return written(family, (answer, index) =>
    /rounded|number/.test(answer.written) ? (numbers[index] ?? numbers[0] ?? "0") : (facts.examples[0] ?? "none"),
  );
}

/** An answer in the format of the family. */
export function written(family: Family, value: (answer: Family["answers"][number], index: number) => string): string {
  return family.answers.map((answer, index) => `@${answer.name}[${value(answer, index)}]`).join(" ");
}
