import { describe, expect, test } from "vitest";
import { parseProposals } from "../../src/agents/proposal.ts";

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
    ["bare", json],
    ["in a fence", `\`\`\`json\n${json}\n\`\`\``],
    ["in a fence that was never closed", `\`\`\`json\n${json}`],
    ["after prose with brackets", `I ran [all] of them [1].\n${json}\nThat is all.`],
    ["with a trailing comma", `[${JSON.stringify(good)},]`],
    ["with Python's quotes", json.replaceAll('"', "'")],
    ["cut off after its first item", `[${JSON.stringify(good)}, {"question": "And what`],
    ["as one object without a list", JSON.stringify(good)],
    ["under a key", JSON.stringify({ questions: [good] })],
  ])("%s", (_, answer) => {
    const { proposals } = parseProposals(answer);
    expect(proposals).toEqual([
      {
        question: "How many rows?",
        constraints: "Count all.",
        answerFormat: "@rows[count]",
        referenceCode: "print(1)",
        referenceAnswer: "@rows[1]",
        difficulty: "easy",
      },
    ]);
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
    expect(proposals[0]?.referenceAnswer).toBe(text);
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
      referenceCode: "print(1)",
      difficulty: "hard",
      constraints: "a\nb",
    });
  });

  test.each(["", "I could not find any.", "[1, 2, 3]", "[".repeat(100_000), "{".repeat(100_000)])(
    "an answer without questions gives neither proposals nor problems (%#)",
    (answer) => {
      expect(parseProposals(answer)).toEqual({ proposals: [], problems: [] });
    },
  );
});
