import type { Reference } from "../domain/task.ts";
import type { Score } from "../domain/trajectory.ts";
import { sameNumber, sameValue } from "./compare.ts";
import { metrics } from "./index.ts";
import { quote } from "./measure.ts";
import { readNumber } from "./read-number.ts";
import { readNamedValues, readReferencePairs } from "./read-values.ts";

const metric = "reference_output";

/**
 * Whether what a reference program printed gives the reference answer: as its last line (or all of it) in the answer's own form, or as
 * bare values in the order of the names ("Gibraltar 0.76" for @leader[Gibraltar], @lead[0.76]). Null when the reference cannot be read.
 */
export function agreesWithOutput(reference: Reference, programOutput: string): Score {
  const output = programOutput.trim();
  const lines = output.split("\n").map((line) => line.trim());
  const last = lines.at(-1) ?? "";
  if (output === "") return { metric, value: 0, reason: "The program printed nothing" };

  const scorer = metrics.find((entry) => entry.name === reference.metric);
  if (scorer === undefined)
    return { metric, value: null, reason: `Expected a known metric, got \`${reference.metric}\`` };
  const direct = [last, output].map((submission) => scorer.score({ reference, submission }));
  const [onLast] = direct;
  if (onLast === undefined || onLast.value === null)
    return { metric, value: null, reason: onLast?.reason ?? "not scored" };
  if (direct.some(({ value }) => value === 1))
    return { metric, value: 1, reason: "The output gives the reference answer" };

  const expected = readReferencePairs(reference.answer);
  if (expected.length > 0 && readNamedValues(last).length === 0) {
    const places = reference.params.places as number | Record<string, number> | undefined;
    const values = expected.map(({ name, value }) => ({
      value,
      places: typeof places === "object" ? places[name] : places,
    }));
    const tail = lines.slice(-expected.length).join("\n");
    if (holdsInOrder(last, values) || holdsInOrder(tail, values)) {
      return { metric, value: 1, reason: "The output gives the reference values in order" };
    }
  }
  return { metric, value: 0, reason: `Expected ${quote(reference.answer)}, the program printed ${quote(last)}` };
}

interface Expected {
  readonly value: string;
  readonly places: number | undefined;
}

/** Whether a text is these values one after the other, with nothing between them but separators and `label:` words. */
function holdsInOrder(text: string, values: readonly Expected[]): boolean {
  if (text.length > 10_000) return false;
  let words = text.split(/[\s,;()[\]]+|(?<=[:=])/).filter((word) => word !== "" && !/^[:=]$/.test(word));
  for (const { value, places } of values) {
    while (words[0]?.match(/[:=]$/)) words = words.slice(1);
    const length = value.split(/[\s,;()[\]]+/).filter((word) => word !== "").length;
    const said = words.slice(0, length).join(" ");
    const expected = readNumber(value);
    const got = readNumber(said);
    const same =
      expected !== null && got !== null
        ? sameNumber(expected, got, { places })
        : sameValue(value.replace(/[\s,;()[\]]+/g, " "), said, { places });
    if (!same) return false;
    words = words.slice(length);
  }
  return words.length === 0;
}
