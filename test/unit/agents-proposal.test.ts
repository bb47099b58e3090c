import { describe, expect, test } from "vitest";
import { parseProposals, proposalsProblem } from "../../src/agents/proposal.ts";

const good = {
  question: "How many rows?",
  constraints: "Count all.",
  answer_format: "@rows[count]",
  reference_code: "print(1)",
  reference_answer: "@rows[1]",
  difficulty: "easy",
};
const json = JSON.stringify([good]);

describe("a proposer's answer is read", () => {
  test.each([
    ["bare", json, []],
    ["in a fence", `\`\`\`json\n${json}\n\`\`\``, ["cut_from_fence"]],
    ["in a fence that was never closed", `\`\`\`json\n${json}`, ["cut_from_fence"]],
    ["after prose with brackets", `I ran [all] of them [1].\n${json}\nThat is all.`, ["cut_from_prose"]],
    ["with a trailing comma", `[${JSON.stringify(good)},]`, ["jsonrepair"]],
    ["with Python's quotes", json.replaceAll('"', "'"), ["jsonrepair"]],
    ["cut off after its first item", `[${JSON.stringify(good)}, {"question": "And what`, ["jsonrepair"]],
    ["as one object without a list", JSON.stringify(good), ["list_added"]],
    ["under a key", JSON.stringify({ questions: [good] }), ["cut_from_prose"]],
  ])("%s, and what was done until it could be is named", (_, answer, repairs) => {
    const { proposals } = parseProposals(answer);
    expect(proposals).toEqual([
      {
        fields: {
          question: "How many rows?",
          constraints: "Count all.",
          answerFormat: "@rows[count]",
          referenceCode: "print(1)",
          referenceAnswer: "@rows[1]",
          difficulty: "easy",
        },
        repairs,
      },
    ]);
    expect(proposalsProblem(answer)).toBeNull();
  });

  test.each([
    [4, "4"],
    [0.5, "0.5"],
    [{ leader: "Gibraltar", lead: 0.76 }, "@leader[Gibraltar], @lead[0.76]"],
    [
      [
        ["a", 1],
        ["b", "x"],
      ],
      "@a[1], @b[x]",
    ],
    [["Brad", "Aisha"], "Brad, Aisha"],
    [{ interval: [1, 2] }, "@interval[1, 2]"],
    [false, "false"],
  ])("a reference answer %j becomes the text %j", (referenceAnswer, text) => {
    const { proposals } = parseProposals(JSON.stringify([{ ...good, reference_answer: referenceAnswer }]));
    expect(proposals[0]).toMatchObject({
      fields: { referenceAnswer: text },
      repairs: ["reference_answer_written_as_text"],
    });
  });

  test.each([
    ["no question", { question: undefined }, /question/],
    ["an empty reference answer", { reference_answer: "" }, /referenceAnswer/],
    ["no reference answer", { reference_answer: null }, /referenceAnswer/],
    ["an unknown difficulty", { difficulty: "brutal" }, /difficulty/],
    ["endless code", { reference_code: "x".repeat(50_000) }, /referenceCode/],
  ])("an item with %s is a problem with its reason, and its neighbours are kept", (_, change, reason) => {
    const { proposals, problems } = parseProposals(JSON.stringify([good, { ...good, ...change }, good]));
    expect(proposals).toHaveLength(2);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ index: 1, why: expect.stringMatching(reason) });
    expect(problems[0]?.raw).toContain("reference_code");
  });

  test("fenced code, upper-case difficulty and a list of constraints are taken", () => {
    const item = { ...good, reference_code: "```python\nprint(1)\n```", difficulty: "Hard", constraints: ["a", "b"] };
    expect(parseProposals(JSON.stringify([item])).proposals[0]).toMatchObject({
      fields: { referenceCode: "print(1)", difficulty: "hard", constraints: "a\nb" },
      repairs: ["reference_code_cut_from_fence", "constraints_list_joined"],
    });
  });

  test.each(["", "I could not find any.", "[1, 2, 3]", "[".repeat(100_000), "{".repeat(100_000)])(
    "an answer without questions gives neither proposals nor problems (%#)",
    (answer) => {
      expect(parseProposals(answer)).toEqual({ proposals: [], problems: [] });
      expect(proposalsProblem(answer)).toMatch(/no JSON list of questions/);
    },
  );
});
