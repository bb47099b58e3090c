import { answerText } from "../domain/answer-text.ts";
import type { Reference } from "../domain/task.ts";
import { bare, readNumber } from "./read-number.ts";
import { type NamedValue, readItems, readNamedValues, readReferencePairs } from "./read-values.ts";
import { statedPlaces } from "./stated-places.ts";

/**
 * How a proposed answer is checked: the metric that its shape and the answer format ask for, and the decimals that the format
 * states (else those the constraints state or the answer is written with, whichever are more: 12.5 may be 12.50 printed by Python).
 * A bare answer to a format of `@name[…]` gets the names of the format.
 */
export function inferReference(referenceAnswer: unknown, answerFormat: string, constraints = ""): Reference {
  const constrained = Math.max(0, ...statedPlaces(constraints).map(({ places }) => places));
  const ownPlaces = (value: string) => placesOf(value, constrained);
  const asked = readNamedValues(answerFormat);
  const answer = withNames(answerText(referenceAnswer), asked);
  const pairs = readReferencePairs(answer);
  const percent = readsAsPercent(answerFormat) ? { percent: true } : {};
  if (pairs.length > 0) {
    const places = placesByName(pairs, asked, answerFormat, ownPlaces);
    return {
      answer,
      metric: "named_values",
      params: { ...percent, ...unordered(answerFormat), ...(Object.keys(places).length > 0 ? { places } : {}) },
    };
  }
  const options = readOptions(answerFormat);
  if (options !== null && /^[([]?[A-Za-z]\b/.test(bare(answer)) && bare(answer).replace(/\W/g, "").length === 1) {
    return { answer, metric: "choice", params: { options } };
  }
  if (readNumber(answer) !== null) {
    const places = statedPlaces(answerFormat)[0]?.places ?? ownPlaces(answer);
    return { answer, metric: "number", params: { ...percent, ...(places === undefined ? {} : { places }) } };
  }
  const items = readItems(answer);
  if (items.length > 1) {
    const stated = statedPlaces(answerFormat).map(({ places }) => places);
    const places = items.map((item, at) =>
      readNumber(item) === null
        ? null
        : ((stated.length === items.length ? stated[at] : stated[0]) ?? ownPlaces(item) ?? null),
    );
    return {
      answer,
      metric: "list",
      params: { ...percent, ...unordered(answerFormat), ...listPlaces(places, answerFormat) },
    };
  }
  return { answer, metric: "text", params: {} };
}

/** `4` for the format `@count[…]` is `@count[4]`; as many items as names are given to the names in order. */
function withNames(answer: string, asked: readonly NamedValue[]): string {
  const names = [...new Set(asked.map(({ name }) => name))];
  if (answer === "" || names.length === 0 || readReferencePairs(answer).length > 0) return answer;
  if (names.length === 1) return `@${names[0]}[${answer}]`;
  const items = readItems(answer);
  return items.length === names.length ? names.map((name, at) => `@${name}[${items[at]}]`).join(", ") : answer;
}

/** Decimals per name: a statement counts for the names mentioned since the one before it; one statement alone counts for all. */
function placesByName(
  pairs: readonly NamedValue[],
  asked: readonly NamedValue[],
  format: string,
  ownPlaces: (value: string) => number | undefined,
): Record<string, number> {
  const stated = statedPlaces(format);
  const found = new Map<string, number>();
  let from = 0;
  for (const { places, to } of stated) {
    const clause = format.slice(from, to);
    for (const { name } of pairs) {
      // A placeholder that several names share ("value") says nothing about any of them.
      const placeholder = asked.find((pair) => pair.name === name)?.value ?? name;
      const shared = asked.filter((pair) => pair.value === placeholder).length > 1;
      if (stated.length === 1 || mentions(clause, name) || (!shared && mentions(clause, placeholder))) {
        found.set(name, places);
      }
    }
    from = to;
  }
  return Object.fromEntries(
    pairs.flatMap(({ name, value }) => {
      if (readNumber(value) === null) return [];
      const places = found.get(name) ?? ownPlaces(value);
      return places === undefined ? [] : [[name, places]];
    }),
  );
}

function mentions(clause: string, word: string): boolean {
  return ` ${clause.replace(/[^\w%]+/g, " ")} `.includes(` ${word.replace(/[^\w%]+/g, " ").trim()} `);
}

/** Decimals that a number is written with, at least `least`; undefined for an integer, which has to be met exactly. */
function placesOf(value: string, least: number): number | undefined {
  const places = Math.max(readNumber(value)?.places ?? 0, least);
  return places === 0 ? undefined : Math.min(places, 30);
}

function listPlaces(places: readonly (number | null)[], format: string): { places?: number | (number | null)[] } {
  const known = places.filter((entry) => entry !== null);
  if (known.length === 0) return {};
  return "ordered" in unordered(format) ? { places: Math.min(...known) } : { places: [...places] };
}

function unordered(format: string): { ordered?: false } {
  return /\b(?:any order|order does(?: not|n't) matter|unordered|regardless of order)\b/i.test(format)
    ? { ordered: false }
    : {};
}

function readsAsPercent(format: string): boolean {
  return /\bpercent(?:age)?s?\b|%/i.test(format) && !/\bfraction\b|\bproportion\b|between 0 and 1\b/i.test(format);
}

/** The options that a format lists (`A. text`, or only the letters of "A, B, or C"); null when it lists none. */
function readOptions(format: string): Record<string, string> | null {
  const listed = [...format.matchAll(/(?:^|[\s(])([A-H])[).:]\s+([^\n]{1,300})/g)];
  if (listed.length > 1) return Object.fromEntries(listed.map((match) => [match[1] ?? "", (match[2] ?? "").trim()]));
  const letters = /\b([A-H])\b(?:\s*(?:,|or|\/|\||,\s*or)\s*\b([A-H])\b)+/.exec(format);
  const found = letters === null ? [] : [...letters[0].matchAll(/\b[A-H]\b/g)].map(([letter]) => letter);
  return found.length > 1 ? Object.fromEntries(found.map((letter) => [letter, ""])) : null;
}
