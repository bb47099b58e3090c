import { describe, expect, test } from "vitest";
import { score } from "../../src/domain/trajectory.ts";
import { fileMetrics, metrics } from "../../src/metrics/index.ts";

/** For each metric a reference that it reads, a right answer in other words, and a wrong one. */
const samples: Record<string, { answer: string; right: string; wrong: string; params: Record<string, unknown> }> = {
  number: { answer: "1234.5", right: "1,234.50", wrong: "1234.6", params: { places: 2 } },
  named_values: { answer: "@a[1], @b[x]", right: "so @b[X] and @a[1.0]", wrong: "@a[1]", params: {} },
  choice: { answer: "B", right: "(b)", wrong: "A", params: {} },
  list: { answer: "a, b", right: "[a, b]", wrong: "b, a", params: {} },
  text: { answer: "Not Normal", right: "not_normal", wrong: "normal", params: {} },
};

describe.each(metrics.map((metric) => [metric.name, metric] as const))("the metric %s", (name, metric) => {
  const { answer, right, wrong, params } = samples[name] ?? { answer: "", right: "", wrong: "", params: {} };
  const reference = { answer, metric: name, params };

  test("has a sample in this kit", () => {
    expect(Object.keys(samples)).toContain(name);
  });

  test("scores the reference itself and a right answer 1, a wrong one 0, each with a reason", () => {
    for (const [submission, value] of [
      [answer, 1],
      [right, 1],
      [wrong, 0],
    ] as const) {
      const scored = metric.score({ reference, submission });
      expect(score.parse(scored)).toMatchObject({ metric: name, value });
      expect(scored.reason).not.toBe("");
    }
  });

  test.each([null, "", "   ", "I do not know.", "@", "@a", "[]", "NaN", "\u0000"])(
    "scores %j as wrong, not as unscored",
    (submission) => {
      expect(metric.score({ reference, submission })).toMatchObject({ value: 0 });
    },
  );

  test.each(["", "  ", "nan"])("leaves an answer unscored when the reference is %j", (empty) => {
    expect(metric.score({ reference: { ...reference, answer: empty }, submission: empty })).toMatchObject({
      value: null,
    });
  });

  test("leaves an answer unscored when its params make no sense", () => {
    const scored = metric.score({ reference: { ...reference, params: { no_such_parameter: 1 } }, submission: right });
    expect(scored.value).toBeNull();
    expect(scored.reason).toMatch(/params/);
  });
});

/** For each metric of files a reference, a right submission that is not byte for byte the same, and a wrong one. */
const fileSamples: Record<string, { answer: string; right: string; wrong: string; params: Record<string, unknown> }> = {
  table: { answer: "id,x\na,1\nb,2\n", right: "x,id\n2,b\n1.0,a", wrong: "id,x\na,2\nb,1\n", params: { target: "x" } },
};

describe.each(fileMetrics.map((metric) => [metric.name, metric] as const))("the metric of files %s", (name, metric) => {
  const { answer, right, wrong, params } = fileSamples[name] ?? { answer: "", right: "", wrong: "", params: {} };
  const texts: Record<string, string> = { answer, right, wrong, junk: "\0junk" };
  const read = async (sha256: string) => Buffer.from(texts[sha256] ?? "");
  const reference = { answer: "", metric: name, params, file: { sha256: "answer", bytes: answer.length } };
  const file = (sha256: string) => ({ path: "/scratch/s", bytes: 1, sha256, diverged: false });
  const refused = { path: "/scratch/s", refused: "missing" as const, detail: "no file", diverged: false };

  test("scores the reference itself and a right submission 1, a wrong one 0, each with a reason", async () => {
    for (const [sha256, value] of Object.entries({ answer: 1, right: 1, wrong: 0 })) {
      const scored = await metric.score({ reference, submission: null, file: file(sha256), read });
      expect(score.parse(scored)).toMatchObject({ metric: name, value });
      expect(scored.reason).not.toBe("");
    }
  });

  test("scores what is missing, refused or unreadable 0, whatever the answer says", async () => {
    for (const one of [null, refused, file("junk")]) {
      expect(await metric.score({ reference, submission: "score: 1.0", file: one, read })).toMatchObject({
        value: 0,
        reason: expect.stringMatching(/^invalid_submission: /),
      });
    }
  });

  test("leaves a file unscored when its reference or its params are broken", async () => {
    for (const broken of [
      { ...reference, params: { no_such_parameter: 1 } },
      { ...reference, file: { sha256: "junk", bytes: 5 } },
    ]) {
      expect((await metric.score({ reference: broken, submission: null, file: file("right"), read })).value).toBeNull();
    }
  });
});
