import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { metrics } from "../../src/metrics/index.ts";
import { inferReference } from "../../src/metrics/infer.ts";
import { agreesWithOutput } from "../../src/metrics/reference-output.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });
const word = fc.stringMatching(/^[A-Za-z][a-z]{2,8}$/).filter((text) => !/^(nan|inf|nat|infinity)$/i.test(text));
const value = fc.oneof(finite, fc.integer(), word, fc.boolean());
const named = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z_]{0,8}$/).filter((key) => key !== "__proto__"),
  value,
  { minKeys: 1, maxKeys: 5 },
);
const answers = fc.oneof(value, named, fc.array(value, { minLength: 2, maxLength: 6 }));

function scoreOf(reference: ReturnType<typeof inferReference>, submission: string) {
  const metric = metrics.find(({ name }) => name === reference.metric);
  if (metric === undefined) throw new Error(`no metric ${reference.metric}`);
  return metric.score({ reference, submission }).value;
}

describe("inferred references", () => {
  test("every answer agrees with itself, as an answer and as a program's output", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const reference = inferReference(answer, "");
        expect(scoreOf(reference, reference.answer)).toBe(1);
        expect(agreesWithOutput(reference, `log line\n${reference.answer}\n`).value).toBe(1);
      }),
    );
  });

  test("an answer with one number changed by more than its last place is wrong", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1_000_000, max: 1_000_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 0, max: 4 }),
        (units, shift, places) => {
          const write = (count: number) => (count / 10 ** places).toFixed(places);
          const format = `@x[value rounded to ${places} decimals]`;
          const reference = inferReference(`@x[${write(units)}]`, format);
          expect(scoreOf(reference, `@x[${write(units)}]`)).toBe(1);
          expect(scoreOf(reference, `@x[${write(units + shift)}]`)).toBe(0);
        },
      ),
    );
  });

  test("a missing name is wrong whatever else is said", () => {
    fc.assert(
      fc.property(named, fc.string(), (pairs, noise) => {
        const reference = inferReference(pairs, "");
        const [first] = Object.keys(pairs);
        const rest = Object.entries(pairs).filter(([name]) => name !== first);
        const submission = `${noise.replaceAll("@", "")} ${rest.map(([name, member]) => `@${name}[${member}]`).join(", ")}`;
        expect(scoreOf(reference, submission)).toBe(0);
      }),
    );
  });
});

describe("every metric fails closed", () => {
  test("whatever the reference, the params and the submission are, the score is 0, 1 or null with a reason, and nothing is thrown", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          answers.map((answer) => inferReference(answer, "").answer),
        ),
        fc.oneof(fc.string({ unit: "binary" }), fc.constant(null), fc.json()),
        fc.oneof(fc.constant({}), fc.dictionary(fc.constantFrom("places", "relative", "options", "x"), fc.anything())),
        (answer, submission, params) => {
          for (const metric of metrics) {
            const scored = metric.score({ reference: { answer, metric: metric.name, params }, submission });
            expect([0, 1, null]).toContain(scored.value);
            expect(scored.reason).not.toBe("");
            if (submission === null || submission.trim() === "") expect(scored.value).not.toBe(1);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a wider tolerance never turns right into wrong", () => {
    fc.assert(
      fc.property(
        finite,
        finite,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (a, b, r, s) => {
          const scored = (relative: number) =>
            metrics[0]?.score({
              reference: { answer: String(a), metric: "number", params: { relative } },
              submission: String(b),
            }).value ?? 0;
          expect(scored(Math.max(r, s))).toBeGreaterThanOrEqual(scored(Math.min(r, s)));
        },
      ),
    );
  });
});
