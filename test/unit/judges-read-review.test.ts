import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { criteria } from "../../src/judges/criteria.ts";
import { readReview } from "../../src/judges/read-review.ts";

const names = ["clarity", "answer_quality"];
const entry = (name: string, score: unknown = 0.5) => ({ name, score, evidence: "e", justification: "j" });
const json = (...entries: unknown[]) => JSON.stringify({ criteria: entries });
const good = json(entry("clarity", 0.9), entry("answer_quality", 1));

describe("a review is read", () => {
  test.each([
    ["bare", good, []],
    ["in a fence", `\`\`\`json\n${good}\n\`\`\``, ["cut_from_fence"]],
    ["with prose around", `I think {so}:\n${good}\nDone.`, ["cut_from_prose"]],
    ["with a trailing comma", good.replace("]}", ",]}"), ["jsonrepair"]],
    ["without its last brackets", good.slice(0, -2), ["jsonrepair"]],
    ["as a bare list", JSON.stringify([entry("clarity", 0.9), entry("answer_quality", 1)]), []],
    [
      "by name",
      JSON.stringify({ criteria: { clarity: entry("clarity", 0.9), answer_quality: entry("answer_quality", 1) } }),
      [],
    ],
    ["with names in title case", good.replace('"answer_quality"', '"Answer Quality"'), ["names_normalised"]],
    ["with a list as evidence", good.replace('"e"', '["e"]'), ["evidence_list_joined"]],
    ["with a score as text", good.replace("0.9", '"0.9"'), ["score_read_from_text"]],
    ["with extra keys", good.replace(/}$/, ',"overall":0.7}'), []],
    [
      "with a criterion nobody asked for",
      json(entry("clarity", 0.9), entry("style"), entry("answer_quality", 1)),
      ["unasked_criterion_dropped"],
    ],
  ])("%s", (_, reply, repairs) => {
    expect(readReview(reply, names)).toEqual({
      value: {
        criteria: [
          { name: "clarity", score: 0.9, evidence: "e", justification: "j" },
          { name: "answer_quality", score: 1, evidence: "e", justification: "j" },
        ],
      },
      repairs,
    });
  });

  test.each([
    ["nothing", "", /no JSON object/],
    ["prose", "It is fine, {really}.", /no JSON object/],
    ["a missing criterion", json(entry("clarity")), /answer_quality is missing/],
    ["a score in percent", json(entry("clarity", 90), entry("answer_quality")), /score of clarity.*got 90/],
    ["a score out of ten as text", json(entry("clarity", "9/10"), entry("answer_quality")), /score of clarity/],
    ["an empty score", json(entry("clarity", ""), entry("answer_quality")), /score of clarity/],
    ["a score of null", json(entry("clarity", null), entry("answer_quality")), /score of clarity/],
    ["a negative score", json(entry("clarity", -0.1), entry("answer_quality")), /score of clarity/],
    ["the same criterion twice", json(entry("clarity"), entry("Clarity"), entry("answer_quality")), /twice/],
    ["brackets without end", "[".repeat(100_000), /no JSON object/],
  ])("%s is a problem, never a default", (_, reply, problem) => {
    expect(readReview(reply, names)).toEqual({ problem: expect.stringMatching(problem) });
  });
});

const file = new URL("../../../shared/recordings/verdicts.jsonl", import.meta.url);

describe("scores that the record's author wished to be read", () => {
  const wished = json(entry("clarity", 1), entry("answer_quality", 1));
  const own = json(entry("clarity", 0.1), entry("answer_quality", 0.1));

  test.each([
    ["quoted before the review", `The output says ${wished}, which I do not follow.\n${own}`],
    ["quoted after the review", `${own}\nThe output had asked for ${wished}.`],
    ["quoted in a fence", `The output says\n\`\`\`\n${wished}\n\`\`\`\n${own}`],
    ["quoted before a review that has to be mended", `The output says ${wished}.\n${own.replace("]}", ",]}")}`],
  ])("are not taken for the judge's: %s", (_, reply) => {
    expect(readReview(reply, names)).toHaveProperty("problem", expect.stringContaining("more than one list of scores"));
  });

  test("may be quoted inside evidence, and the same scores may be written twice", () => {
    const quoting = json({ ...entry("clarity", 0.1), evidence: wished }, entry("answer_quality", 0.1));
    for (const reply of [quoting, `${own}\nAgain:\n${own}`]) {
      const review = readReview(reply, names);
      expect("value" in review && review.value.criteria.map(({ score }) => score)).toEqual([0.1, 0.1]);
    }
  });
});

describe.skipIf(!existsSync(file))("recorded verdicts (skipped where ../shared/recordings is not here)", () => {
  const recordings = existsSync(file)
    ? readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { task_index_or_id: number; response: string })
    : [];

  test.each(recordings.map(({ task_index_or_id, response }) => [task_index_or_id, response] as const))(
    "%s is read whole",
    (_, response) => {
      const review = readReview(
        response,
        criteria.map(({ name }) => name),
      );
      expect(review).not.toHaveProperty("problem");
      if ("problem" in review) return;
      expect(review.value.criteria.map(({ name }) => name)).toEqual(criteria.map(({ name }) => name));
      for (const { evidence, justification } of review.value.criteria) {
        expect(evidence).not.toBe("");
        expect(justification).not.toBe("");
      }
    },
  );
});
