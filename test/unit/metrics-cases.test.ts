import { describe, expect, test } from "vitest";
import { metrics } from "../../src/metrics/index.ts";

function score(metric: string, answer: string, submission: string | null, params: Record<string, unknown> = {}) {
  const found = metrics.find(({ name }) => name === metric);
  if (found === undefined) throw new Error(`no metric ${metric}`);
  return found.score({ reference: { answer, metric, params }, submission }).value;
}

// Each of these was got wrong by a public scorer (specs/suites.md).
describe("cases that public scorers got wrong", () => {
  test.each<[string, string, string, string, Record<string, unknown>, number | null]>([
    ["dates of one year are different", "text", "2015-09-21", "2015-01-01", {}, 0],
    ["… also as a named value", "named_values", "@d[2015-09-21]", "@d[2015-01-01]", {}, 0],
    ["a date at midnight is the date", "named_values", "@d[2015-09-21]", "@d[2015-09-21 00:00:00]", {}, 1],
    ["numbers that share digits are different", "number", "1,999", "1,234", {}, 0],
    ["a thousands separator is no difference", "number", "1,234", "1234", {}, 1],
    ["a percent sign after a percentage is its unit", "number", "5.36", "5.36%", {}, 1],
    ["… and may be missing", "number", "5.36%", "5.36", {}, 1],
    ["… and may stand apart", "number", "5.36%", "5.36 %", {}, 1],
    ["a percent may be given as a share", "number", "5.36%", "0.0536", {}, 1],
    ["a share may be given as a percent", "number", "0.0536", "5.36%", {}, 1],
    ["half a percent is not a half", "number", "0.5", "0.5%", {}, 0],
    ["5 asked as a percentage is 5%", "number", "5", "5%", { percent: true }, 1],
    ["… and not 500%", "number", "5", "500%", { percent: true }, 0],
    ["5.0 is 5 at tolerance 0", "number", "5", "5.0", { absolute: 0 }, 1],
    ["10.0 is 10", "number", "10", "10.0", {}, 1],
    ["(B) is B", "choice", "B", "(B)", {}, 1],
    ["B. is B", "choice", "B", "B.", {}, 1],
    ["B) BE is B", "choice", "B", "B) BE", { options: { A: "NL", B: "BE" } }, 1],
    ["b is B", "choice", "B", "b", {}, 1],
    ["the option's text is the option", "choice", "B", "BE", { options: { A: "NL", B: "BE" } }, 1],
    ["a letter with another option's text is neither", "choice", "B", "B) NL", { options: { A: "NL", B: "BE" } }, 0],
    ["an option with another in its wake is none", "choice", "B", "B) this or C) that", {}, 0],
    ["two options are none", "choice", "B", "A, B", {}, 0],
    [
      "a sentence that begins with A is not A",
      "choice",
      "A",
      "A causal link exists",
      { options: { A: "x", B: "y" } },
      0,
    ],
    ["order counts where it should", "list", "A, B", "B, A", { ordered: true }, 0],
    ["order does not count where it should not", "list", "A, B", "B, A", { ordered: false }, 1],
    ["a duplicate is a difference", "list", "A, A, B", "A, B", { ordered: false }, 0],
    ["a duplicate of another is a difference", "list", "A, A, B", "A, B, B", { ordered: false }, 0],
    ["truth 0 is not 0.01 at 3 % relative", "number", "0", "0.01", { relative: 0.03 }, 0],
    ["an unreadable truth is unscored", "named_values", "no pairs here", "no pairs here", {}, null],
    ["one extra pair is no error", "named_values", "@a[1]", "@a[1], @b[2]", {}, 1],
    ["a missing pair is", "named_values", "@a[1], @b[2]", "@a[1]", {}, 0],
    ["nan is not nan", "number", "nan", "nan", {}, null],
    ["… nor as a text", "text", "nan", "nan", {}, null],
    ["… nor as a named value", "named_values", "@a[nan]", "@a[nan]", {}, null],
    ["… nor is it a number", "named_values", "@a[1]", "@a[nan]", {}, 0],
    ["inf is not inf", "number", "inf", "inf", {}, null],
    ["nothing is wrong", "number", "1", "", {}, 0],
    ["blank is wrong", "named_values", "@a[1]", "  \n", {}, 0],
    ["an empty truth is unscored", "text", "", "", {}, null],
    ["a bad tolerance is unscored", "number", "1", "1", { absolute: -1 }, null],
    ["an unknown parameter is unscored", "number", "1", "1", { tolerence: 1 }, null],
    ["a list value is compared whole", "named_values", "@x[314, 577]", "@x[314]", {}, 0],
    ["… and by all its members", "named_values", "@x[314, 577]", "@x[314,577]", {}, 1],
    ["… in its order", "named_values", "@p[yes,no]", "@p[no,yes]", {}, 0],
    ["the last value of a name wins", "named_values", "@a[2]", "@a[1] then @a[2]", {}, 1],
    ["… also when it is wrong", "named_values", "@a[1]", "@a[1] then @a[2]", {}, 0],
    ["Group 2 wins is not Group 2 loses", "named_values", "@g[Group 2 wins]", "@g[Group 2 loses]", {}, 0],
    ["3 wins is not 3 losses", "number", "3 wins", "3 losses", {}, 0],
    ["Yes is yes", "named_values", "@s[Yes]", "@s[yes]", {}, 1],
    ["not_normal is Not Normal", "named_values", "@s[not_normal]", "@s[Not Normal]", {}, 1],
    ["not significant is not significant's opposite", "named_values", "@s[significant]", "@s[not significant]", {}, 0],
  ])("%s", (_, metric, answer, submission, params, value) => {
    expect(score(metric, answer, submission, params)).toBe(value);
  });

  test("no submission is wrong, not unscored", () => {
    for (const { name } of metrics) expect(score(name, name === "named_values" ? "@a[1]" : "1", null)).not.toBe(1);
    expect(score("number", "1", null)).toBe(0);
  });

  test.each([
    "x".repeat(1_000_000),
    "1,".repeat(500_000),
    "1 ".repeat(500_000),
    "@a[".repeat(333_333),
    "@a[1]".repeat(200_000),
    `${".".repeat(1_000_000)}x`,
    " ".repeat(1_000_000),
    "[".repeat(1_000_000),
    `@${"a".repeat(1_000_000)}`,
    `@a${" b".repeat(500_000)}`,
    "-".repeat(1_000_000),
  ])("a prediction of a megabyte is scored (%#)", (prediction) => {
    for (const { name } of metrics) {
      const answer = name === "named_values" ? "@a[2]" : name === "choice" ? "A" : "2";
      expect(score(name, answer, prediction)).toBe(0);
    }
  });
});

describe("numbers are read as written", () => {
  test.each([
    ["1234.5", "1,234.5"],
    ["1234567", "1'234'567"],
    ["0.000012", "1.2e-5"],
    ["0.000012", "1.2 × 10^-5"],
    ["-3", "−3"],
    ["5", "$5"],
    ["5 USD", "$5.00"],
    ["-5", "-$5"],
    ["2500000", "2.5 million"],
    ["12", "12 days"],
    ["0.51", "**0.51**"],
    ["0.51", "The answer is 0.51."],
    ["0.51", "@p[0.51]"],
    ["42", "about 42"],
  ])("%j is %j", (answer, submission) => {
    expect(score("number", answer, submission)).toBe(1);
  });

  test.each([
    ["5 hours", "5 minutes"],
    ["$5", "€5"],
    ["2", "between 2 and 3"],
    ["1234", "1 234"],
    ["5", "5M"],
    ["2010", "2010-2015"],
    ["12", "12:30"],
    ["4", "Group 4"],
  ])("%j is not %j", (answer, submission) => {
    expect(score("number", answer, submission)).toBe(0);
  });

  test.each<[string, string, Record<string, unknown>, number]>([
    ["0.031498", "0.031", { places: 3 }, 1],
    ["0.32", "0.3249", { places: 2 }, 1],
    ["0.32", "0.33", { places: 2 }, 0],
    ["0.320", "0.32", { places: 3 }, 1],
    ["0.125", "0.12", { places: 2 }, 1],
    ["0.125", "0.13", { places: 2 }, 1],
    ["0.32", "0.3", { places: 2 }, 0],
    ["0.073", "0.067", { relative: 0.03 }, 0],
    ["0.073", "0.0751", { relative: 0.03 }, 1],
    ["100", "100.5", { absolute: 0.5 }, 1],
    ["100", "100.51", { absolute: 0.5 }, 0],
    ["155", "155.4", {}, 0],
    ["-259162995.016", "-259162995.0161", { places: 3 }, 1],
  ])("%j and %j within %j: %d", (answer, submission, params, value) => {
    expect(score("number", answer, submission, params)).toBe(value);
  });
});

describe("references come in several forms", () => {
  test.each([
    "@a[36.45], @b[yes,no]",
    "[['a', '36.45'], ['b', 'yes,no']]",
    '[["a", 36.45], ["b", "yes, no"]]',
    "[('a', 36.45), ('b', 'yes,no'),]",
    '{"a": 36.45, "b": ["yes", "no"]}',
    "{'a': 36.45, 'b': 'yes,no'}",
  ])("%s", (answer) => {
    expect(score("named_values", answer, "@a[36.45] @b[yes, no]")).toBe(1);
    expect(score("named_values", answer, "@a[36.46] @b[yes, no]")).toBe(0);
  });

  test.each([
    ["['KRT14', 'ELF5']", "KRT14, ELF5"],
    ["1, 2, 30", "[1, 2, 30]"],
    ["1,234; 5,678", "1234; 5678"],
    ["1,234, 5,678", "1234, 5678"],
    ["1.552 [1.258, 1.915]", "1.552 (1.258, 1.915)"],
  ])("the list %j is %j", (answer, submission) => {
    expect(score("list", answer, submission)).toBe(1);
  });

  test("places may be stated per name", () => {
    const params = { places: { a: 2, b: 0 } };
    expect(score("named_values", "@a[1.234], @b[7]", "@a[1.23], @b[7.3]", params)).toBe(1);
    expect(score("named_values", "@a[1.234], @b[7]", "@a[1.2], @b[7]", params)).toBe(0);
  });

  test("names are compared loosely only where that confuses none", () => {
    expect(score("named_values", "@Mean_Price[1]", "@mean price[1]")).toBe(1);
    expect(score("named_values", "@a[1], @A[2]", "@A[1], @a[2]")).toBe(0);
  });
});
