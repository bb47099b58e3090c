import type { Score, Trajectory } from "../domain/trajectory.ts";
import { plainText } from "./compare.ts";
import { quote } from "./measure.ts";
import { bare, readNumber } from "./read-number.ts";
import { readItems, readNamedValues } from "./read-values.ts";

const metric = "grounded";
const numberIn = /(?<![\w.])[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?/g;
const longest = 100_000;
const maxValues = 2_000;

/**
 * The share of the answer's values that an observation showed, numbers rounded as the answer rounds them (a share may be shown where
 * the answer gives a percent). A number that the agent only typed into its own code is not seen. A text that the prompt already
 * offers ("yes/no") needs no showing; 1 when nothing does. Null without an answer.
 */
export function grounded(trajectory: Trajectory): Score {
  const { submission } = trajectory;
  if (submission === null || submission.trim() === "") return { metric, value: null, reason: "There is no answer" };
  if (submission.length > longest) return { metric, value: null, reason: "The answer is too long to be traced" };

  const values = [...new Set(valuesOf(submission))];
  if (values.length > maxValues)
    return { metric, value: null, reason: `The answer has too many values (${values.length})` };

  const evidence = seen(trajectory);
  const firstOwn = trajectory.turns[0]?.message ?? trajectory.messages.length;
  const prompt = ` ${plainText(
    trajectory.messages
      .slice(0, firstOwn)
      .map(({ content }) => content)
      .join("\n"),
  )} `;
  const missing: string[] = [];
  let traced = 0;
  for (const value of values) {
    const read = readNumber(value);
    const phrase = plainText(value);
    if (read === null && (phrase === "" || mentions(prompt, phrase))) continue;
    traced++;
    const shown =
      read !== null
        ? evidence.some(({ numbers, typed }) => numbers.some((n) => shows(n, read) && !typed.has(Math.abs(n))))
        : evidence.some(({ text }) => mentions(text, phrase));
    if (!shown) missing.push(value);
  }
  if (traced === 0) return { metric, value: 1, reason: "No value of the answer needs showing" };
  const reason =
    missing.length === 0
      ? `All ${traced} values were seen`
      : `Not seen in any observation: ${missing.slice(0, 5).map(quote).join(", ")}`;
  return { metric, value: (traced - missing.length) / traced, reason };
}

interface Evidence {
  readonly text: string;
  readonly numbers: readonly number[];
  /** Numbers of three digits or more that the step's own code spells out to be printed. */
  readonly typed: ReadonlySet<number>;
}

function seen({ turns }: Trajectory): Evidence[] {
  return turns.flatMap(({ observation, action }) => {
    if (observation === null) return [];
    const code = action.kind === "code" ? action.code : "";
    const typed = [...spelledOut(code).matchAll(numberIn)].filter(([digits]) => digits.replace(/\D/g, "").length >= 3);
    return [
      {
        text: ` ${plainText(observation)} `,
        numbers: [...observation.matchAll(numberIn)].map(([digits]) => toNumber(digits)),
        typed: new Set(typed.map(([digits]) => Math.abs(toNumber(digits)))),
      },
    ];
  });
}

/** What code prints without computing it: texts and plain numbers in its `print` lines, and a last line that is only a number. */
function spelledOut(code: string): string {
  const lines = code.trimEnd().split("\n");
  const prints = lines.filter((line) => /\bprint\s*\(/.test(line));
  const texts = prints
    .flatMap((line) => line.match(/"[^"]*"|'[^']*'/g) ?? [])
    .map((text) => text.replace(/\{[^{}]*\}/g, " "));
  const numbers = prints.flatMap((line) => line.match(/\bprint\s*\(\s*[+-]?[\d.,]+\s*[,)]/g) ?? []);
  const last = /^\s*[+-]?[\d.,]+\s*$/.test(lines.at(-1) ?? "") ? [lines.at(-1)] : [];
  return [...texts, ...numbers, ...last].join(" ");
}

function toNumber(digits: string): number {
  return Number(digits.replaceAll(",", ""));
}

/** Whether a shown number rounds to the answer's; the sign may have been turned ("by how much lower"), a share given as a percent. */
function shows(shown: number, answer: { value: number; places: number }): boolean {
  const half = 0.5 * 10 ** -answer.places;
  return [1, 100, 0.01].some((scale) => {
    const value = Math.abs(shown * scale);
    const goal = Math.abs(answer.value);
    // A hundredfold reading of integers (counts, row numbers) would show nearly anything.
    if (scale !== 1 && (answer.places === 0 || Number.isInteger(shown))) return false;
    return Math.abs(value - goal) <= half * (1 + 1e-9) + 8 * Number.EPSILON * goal;
  });
}

function mentions(text: string, phrase: string): boolean {
  const at = text.indexOf(phrase);
  if (at < 0) return false;
  return !/\w/.test(text[at - 1] ?? " ") && !/\w/.test(text[at + phrase.length] ?? " ")
    ? true
    : text.includes(` ${phrase} `);
}

/** The values an answer consists of: those of its `@name[…]`, else its items, else the whole. */
function valuesOf(submission: string): string[] {
  const named = readNamedValues(submission);
  const values = named.length > 0 ? named.map(({ value }) => value) : [bare(submission)];
  return values.flatMap((value) => (readNumber(value) === null ? readItems(value) : [value]));
}
