// How the solver errs, as models do.
import { codeTurn, type ErrorKind } from "./conversation.ts";
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

/** The question as a solver understands it that makes this kind of error; the same object where it understands it rightly. */
export function altered(known: KnownQuestion, error: ErrorKind | null, facts: LookFacts, draw: Draw): KnownQuestion {
  if (error === "wrong_column") return withSlots(known, mixUp(known, facts, draw));
  if (error === "off_by_one") return withSlots(known, countedWrong(known, draw));
  if (error !== "forgotten_constraint") return known;
  const { family, slots, filter } = known;
  if (filter.length > 0 && (family.forget === undefined || draw.chance(0.5)))
    return { ...known, filter: filter.slice(1) };
  return withSlots(known, family.forget?.(slots) ?? slots);
}

function withSlots(known: KnownQuestion, slots: Slots): KnownQuestion {
  return slots === known.slots ? known : { ...known, slots };
}

/** The slots with one numeric column taken for another; unchanged where there is no other. */
function mixUp({ family, slots }: KnownQuestion, facts: LookFacts, draw: Draw): Slots {
  const used = Object.values(slots).flat();
  const others = facts.numericNames.filter((name) => !used.includes(name));
  const slot = family.numeric.find((name) => name in slots);
  return slot === undefined || others.length === 0 ? slots : { ...slots, [slot]: draw.pick(others) };
}

/** The slots with a count that is one too high; unchanged where the question has none. */
function countedWrong({ slots }: KnownQuestion, draw: Draw): Slots {
  const counts = ["k", "window", "lag", "least", "words", "places"].filter((name) => typeof slots[name] === "number");
  if (counts.length === 0) return slots;
  const name = draw.pick(counts.length > 1 ? counts.filter((one) => one !== "places") : counts);
  return { ...slots, [name]: Number(slots[name]) + (name === "places" ? -1 : 1) };
}

/** What is run instead of the code, where the error lies in that; null where it does not. */
export function spoiltCode(
  error: ErrorKind | null,
  code: string,
  slots: Slots,
): { readonly code: string; readonly think?: string } | null {
  if (error === "too_much_output") {
    return { think: "I print the whole table, so as not to miss anything.", code: "print(df.to_string())" };
  }
  if (error === "ran_out_of_time") {
    const waits = "import time\nready = False\nwhile not ready:\n    time.sleep(0.5)\n    ready = len(df) == 0";
    return { think: "I go on as soon as the data are ready.", code: waits };
  }
  if (error !== "exception_repaired") return null;
  const wrong = misspelt(code, slots);
  return wrong === code ? null : { code: wrong };
}

/** The code with the first column it names spelt as one would expect it, not as it is. */
function misspelt(code: string, slots: Slots): string {
  const column = Object.values(slots).find((value) => typeof value === "string" && code.includes(`df[${py(value)}]`));
  if (typeof column !== "string") return code;
  const lower = column.toLowerCase().replaceAll(" ", "_");
  return code.replaceAll(`df[${py(column)}]`, `df[${py(lower === column ? `${column}s` : lower)}]`);
}

/** A number with one decimal fewer than it was given; anything else, and whole numbers, as they are. */
export function coarser(value: string): string {
  const decimals = /^-?\d+\.(\d+)$/.exec(value)?.[1]?.length;
  return decimals === undefined ? value : Number(value).toFixed(decimals - 1);
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
    /rounded|number|year/.test(answer.written)
      ? (draw.number() * 100).toFixed(2)
      : (facts.examples[0] ?? facts.names[0] ?? "none"),
  );
}

/** An answer from an output that is not yet the result: the first number in it, whatever it is. */
export function hasty(family: Family, output: string, facts: LookFacts): string {
  const numbers = output.match(/-?\d+(?:\.\d+)?/g) ?? ["0"];
  return written(family, (answer, index) =>
    /rounded|number|year/.test(answer.written) ? (numbers[index] ?? numbers[0] ?? "0") : (facts.examples[0] ?? "none"),
  );
}

/** An answer in the format of the family. */
export function written(family: Family, value: (answer: Family["answers"][number], index: number) => string): string {
  return family.answers.map((answer, index) => `@${answer.name}[${value(answer, index)}]`).join(" ");
}
