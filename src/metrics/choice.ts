import { z } from "zod";
import { plainText } from "./compare.ts";
import { metricOf, quote } from "./measure.ts";
import { onlyValue } from "./number.ts";
import { bare } from "./read-number.ts";

type Options = Readonly<Record<string, string>>;

/** One option out of several, by letter or by its text. `options`: letter to text; a text may be empty when only the letter is known. */
export const choice = metricOf({
  name: "choice",
  version: 1,
  about: "one option of several, by letter or by its text",
  params: z.strictObject({ options: z.record(z.string().regex(/^[A-Za-z]$/), z.string()).optional() }),
  compare(reference, submission, { options = {} }) {
    const texts = Object.fromEntries(Object.entries(options).map(([letter, text]) => [letter.toUpperCase(), text]));
    const expected = readChoice(reference, texts);
    if (expected === null) return { unscored: `Expected the reference to name one option, got ${quote(reference)}` };
    const got = readChoice(submission, texts);
    if (got === null) return { right: false, why: `Expected exactly one option, got ${quote(submission)}` };
    return { right: got === expected, why: `${got} was chosen, ${expected} is right` };
  },
});

/** The letter of the one option that a text names; null when it names none, several, or contradicts itself. */
function readChoice(text: string, options: Options): string | null {
  if (text.length > 2000) return null;
  const value = bare(onlyValue(text)).replace(/^(?:option|choice)\s+/i, "");
  const known = (letter: string): string | null => {
    const upper = letter.toUpperCase();
    return Object.keys(options).length === 0 || upper in options ? upper : null;
  };
  const alone = /^[([]?([A-Za-z])[)\]]?[.):]?$/.exec(value);
  if (alone?.[1] !== undefined) return known(alone[1]);
  const named = namedByText(value, options);
  const lettered = /^[([]?([A-Za-z])\s?[\])]?[).:\]]\s+(\S[\s\S]*)$/.exec(value);
  if (lettered?.[1] === undefined || lettered[2] === undefined) return named;
  if (/(?:^|\s)[([]?[A-H][).]/.test(lettered[2])) return null;
  const byText = namedByText(lettered[2], options);
  const letter = known(lettered[1]);
  return byText !== null && byText !== letter ? null : letter;
}

function namedByText(value: string, options: Options): string | null {
  const said = ` ${plainText(value)} `;
  const texts = Object.entries(options).filter(([, text]) => plainText(text) !== "");
  const exact = texts.filter(([, text]) => said === ` ${plainText(text)} `);
  const inside = texts.filter(([, text]) => said.includes(` ${plainText(text)} `));
  const [only] = exact.length > 0 ? exact : inside;
  return only !== undefined && (exact.length === 1 || (exact.length === 0 && inside.length === 1)) ? only[0] : null;
}
