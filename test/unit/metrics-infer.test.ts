import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { inferReference } from "../../src/metrics/infer.ts";
import { agreesWithOutput } from "../../src/metrics/reference-output.ts";

describe("how a proposed answer is checked is read from its shape and the answer format", () => {
  test.each<[unknown, string, ReturnType<typeof inferReference>]>([
    [
      "@ring_gap[2.0]",
      '@ring_gap[gap] where "gap" is a number with one decimal.',
      { answer: "@ring_gap[2.0]", metric: "named_values", params: { places: { ring_gap: 1 } } },
    ],
    [
      "@count[155], @percentage[3.71]",
      '@count[count], @percentage[percentage] where "count" is an integer and "percentage" is between 0 and 100, rounded to two decimals.',
      {
        answer: "@count[155], @percentage[3.71]",
        metric: "named_values",
        params: { percent: true, places: { count: 2, percentage: 2 } },
      },
    ],
    [4, "@missing_iso[count], an integer.", { answer: "@missing_iso[4]", metric: "named_values", params: {} }],
    [
      { t: 1.459, p: 0.1481, significant: "no" },
      "@t[statistic], @p[p_value], @significant[yes/no]; t rounded to three and p to four decimals.",
      {
        answer: "@t[1.459], @p[0.1481], @significant[no]",
        metric: "named_values",
        params: { places: { t: 3, p: 4 } },
      },
    ],
    [
      "0.032; 4.11",
      "difference (three decimals); |z| (two decimals), separated by a semicolon",
      { answer: "0.032; 4.11", metric: "list", params: { places: [3, 2] } },
    ],
    ["Brad, Aisha", "highest name, lowest name", { answer: "Brad, Aisha", metric: "list", params: {} }],
    [
      "1.552 [1.258, 1.915]",
      "OR [low, high], each with three decimals",
      { answer: "1.552 [1.258, 1.915]", metric: "list", params: { places: [3, 3, 3] } },
    ],
    [["b", "a"], "the names, in any order", { answer: "b, a", metric: "list", params: { ordered: false } }],
    ["0.51", "rounded to the nearest hundredth", { answer: "0.51", metric: "number", params: { places: 2 } }],
    [0.5, "a number with 3 decimals", { answer: "0.5", metric: "number", params: { places: 3 } }],
    [0.123456, "a number", { answer: "0.123456", metric: "number", params: { places: 6 } }],
    ["12", "an integer", { answer: "12", metric: "number", params: {} }],
    [
      "12.5%",
      "the percentage, to 1 decimal place",
      { answer: "12.5%", metric: "number", params: { percent: true, places: 1 } },
    ],
    [
      "C",
      "Please answer with A, B, or C.",
      { answer: "C", metric: "choice", params: { options: { A: "", B: "", C: "" } } },
    ],
    [
      "Saudi Arabia, 3.5",
      "@country[name], @value[number rounded to 1 decimal]",
      { answer: "@country[Saudi Arabia], @value[3.5]", metric: "named_values", params: { places: { value: 1 } } },
    ],
    ["Gibraltar", "the country's name", { answer: "Gibraltar", metric: "text", params: {} }],
  ])("%j asked as %j", (answer, format, reference) => {
    expect(inferReference(answer, format)).toEqual(reference);
  });

  test("a stated rounding next to its name counts for that name", () => {
    const format =
      '@r[r_value] @p_value[p_value] where "r_value" is rounded to two decimal places. "p_value" is rounded to four decimal places.';
    expect(inferReference("@r[0.25], @p_value[0.0001]", format).params).toEqual({ places: { r: 2, p_value: 4 } });
  });
});

test("a rounding that only the constraints state counts, unless the answer is written more finely", () => {
  const places = (answer: string, format: string, constraints: string) =>
    inferReference(answer, format, constraints).params.places;
  expect(places("@mean[12.5]", "@mean[value]", "Round to two decimals.")).toEqual({ mean: 2 });
  expect(places("12.5", "a number", "Round to two decimals.")).toBe(2);
  expect(places("1.5, 2.25", "a list", "Round to three decimals.")).toEqual([3, 3]);
  expect(places("@mean[12.346]", "@mean[value]", "Use bins rounded to 1 decimal place.")).toEqual({ mean: 3 });
  expect(places("@mean[12.5]", "@mean[value], one decimal", "Round shares to two decimals.")).toEqual({ mean: 1 });
});

test("a placeholder shared by several names says nothing about any of them", () => {
  const format = "@t[value] @p[value] where t is rounded to 2 decimals and p is the p value rounded to 4 decimals";
  expect(inferReference("@t[1.23] @p[0.0456]", format).params).toEqual({ places: { t: 2, p: 4 } });
});

describe("a reference program's output gives the reference answer", () => {
  const named = inferReference(
    { leader: "Saudi Arabia", lead: 0.76 },
    "@leader[country], @lead[value rounded to two decimals]",
  );

  test.each([
    "@leader[Saudi Arabia], @lead[0.76]",
    "rows: 96\n@leader[Saudi Arabia], @lead[0.76]\n",
    "Saudi Arabia 0.76",
    "loaded\nSaudi Arabia 0.76",
    "('Saudi Arabia', 0.76)",
    "Saudi Arabia\n0.76",
    "leader: Saudi Arabia, lead: 0.76",
    "Saudi Arabia 0.7612",
  ])("%j does", (output) => {
    expect(agreesWithOutput(named, output)).toMatchObject({ value: 1 });
  });

  test.each([
    "",
    "Saudi Arabia",
    "Saudi Arabia 0.77",
    "0.76 Saudi Arabia",
    "not Saudi Arabia 0.76",
    "Saudi Arabia 0.76 0.9",
    "@leader[Saudi Arabia]",
  ])("%j does not", (output) => {
    expect(agreesWithOutput(named, output)).toMatchObject({ value: 0 });
  });

  test("an unreadable reference is not judged", () => {
    expect(agreesWithOutput(inferReference("@a[nan]", "@a[x]"), "@a[nan]").value).toBeNull();
  });

  test.each([
    ["0.032; 4.11", "0.032; 4.11", 1],
    ["Brad, Aisha", "Brad, Aisha", 1],
    ["Brad, Aisha", "Aisha, Brad", 0],
    ["1.552 [1.258, 1.915]", "1.552 [1.258, 1.915]", 1],
    ["4", "4", 1],
    ["4", "some log\n4", 1],
    ["4", "5", 0],
  ])("%j from %j: %d", (answer, output, value) => {
    expect(agreesWithOutput(inferReference(answer, ""), output).value).toBe(value);
  });
});

const suite = new URL("../../../shared/suites/task/daeval/daeval.json", import.meta.url);

describe.skipIf(!existsSync(suite))("the real DAEval records (skipped where ../shared/suites is not here)", () => {
  const records = existsSync(suite)
    ? (JSON.parse(readFileSync(suite, "utf8")) as { answer: string; metadata: { format: string } }[])
    : [];

  test("every reference is read as named values and agrees with itself, and with no other", () => {
    const references = records.map(({ answer, metadata }) => inferReference(answer, metadata.format));
    expect(references.map(({ metric }) => metric)).toEqual(records.map(() => "named_values"));
    for (const [index, reference] of references.entries()) {
      expect(agreesWithOutput(reference, writtenOut(records[index]?.answer ?? "")), reference.answer).toMatchObject({
        value: 1,
      });
    }
  });

  function writtenOut(answer: string): string {
    return [...answer.matchAll(/\['(\w+)', '((?:[^'\\]|\\.)*)'\]/g)]
      .map(([, name, value]) => `@${name}[${value}]`)
      .join("\n");
  }
});
