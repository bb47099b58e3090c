import { expect, test } from "vitest";
import { drawFrom } from "../../src/models/offline-teacher/draw.ts";
import { families } from "../../src/models/offline-teacher/families/index.ts";
import type { Family } from "../../src/models/offline-teacher/family.ts";
import { read, render } from "../../src/models/offline-teacher/grammar.ts";
import { fileMeant, loadForReference } from "../../src/models/offline-teacher/loading.ts";
import { measures, readProfile, writtenNumbers } from "../../src/models/offline-teacher/profile.ts";
import { twin } from "../../src/models/offline-teacher/proposal-errors.ts";
import { filterFor, recognise, word } from "../../src/models/offline-teacher/question.ts";
import { reply } from "../../src/models/offline-teacher/teacher.ts";
import {
  answerIn,
  carsProfile,
  codeIn,
  onlyErrors,
  richProfiles,
  seedMessages,
  shopProfile,
  skewnessQuestion,
  taskMessages,
} from "./offline-teacher-fixture.ts";

const tables = richProfiles.flatMap(readProfile);

/** Every question that the tables suggest to a family, each with its table. */
function suggested(family: Family) {
  return tables.flatMap((table) => family.propose(table, drawFrom("test")).map((slots) => ({ table, slots })));
}

test("a profile is read with kinds, counts and top values", () => {
  const [table] = readProfile(
    `${carsProfile}\n\n/data/other.csv (CSV, 3 rows, 1 columns)\n- "a \\"b\\"" id, 3 distinct`,
  );
  expect(table).toMatchObject({ file: "/data/cars.json", rows: 406 });
  expect(table?.columns.find((column) => column.name === "Origin")?.top).toEqual([
    { value: "USA", rows: 254 },
    { value: "Japan", rows: 79 },
    { value: "Europe", rows: 73 },
  ]);
  expect(table?.columns.find((column) => column.name === "Horsepower")).toMatchObject({
    missing: 6,
    min: "46",
    max: "230",
  });
  expect(
    readProfile(`${carsProfile}\n\n/data/other.csv (CSV, 3 rows, 1 columns)\n- "a \\"b\\"" id, 3 distinct`)[1]
      ?.columns[0]?.name,
  ).toBe('a "b"');
});

test("a sentence reads back what it was filled with, whatever the names hold", () => {
  const template = "Of {*names}, {kind:one|two} of {x} is {#n} (more or less).";
  const slots = { names: ["a, b", 'quo"te', "(x|y)"], kind: "two", x: "per cent. [%]", n: -2.5 };
  expect(read(template, render(template, slots), { whole: true })).toEqual(slots);
  expect(read(template, `${render(template, slots)} And more.`, { whole: true })).toBeNull();
});

test.each(families)("every wording of $name is recognised as itself, from the text alone", (family) => {
  const proposals = suggested(family);
  expect(proposals.length).toBeGreaterThan(0);
  const wordings = new Set<string>();
  let filtered = 0;
  for (let sample = 0; sample < 80; sample++) {
    const draw = drawFrom(family.name, sample);
    const { table, slots } = draw.pick(proposals);
    const filter = filterFor(family, slots, table, draw) ?? [];
    const draft = word(family, slots, table, sample % 2 === 0, draw, filter);
    const known = recognise(draft.question, draft.constraints.join(" "));
    if (filter.length < (family.conditions ?? 0)) {
      expect(known).toBeNull();
      continue;
    }
    expect([known?.family.name, known?.filter]).toEqual([family.name, filter]);
    for (const [name, value] of Object.entries(known?.slots ?? {})) expect([name, slots[name]]).toEqual([name, value]);
    wordings.add(draft.question.replace(/"[^"]*"|\d+/g, "_"));
    if (filter.length > 0) filtered++;
  }
  expect(wordings.size).toBeGreaterThan(2);
  expect(filtered).toBeGreaterThan(0);
});

test("there are easy, medium and hard families, and at least 30 in all", () => {
  expect(families.length).toBeGreaterThanOrEqual(30);
  expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  for (const difficulty of ["easy", "medium", "hard"]) {
    expect(families.filter((family) => family.difficulty === difficulty).length).toBeGreaterThanOrEqual(10);
  }
});

test("a forgotten constraint changes the solving code of every family that can forget", () => {
  const facts = { column: () => ({ dtype: "float64", missing: 1 }) };
  for (const family of families) {
    const [first] = suggested(family);
    if (!first || !family.forget) continue;
    expect([family.name, family.solve(family.forget(first.slots), facts)]).not.toEqual([
      family.name,
      family.solve(first.slots, facts),
    ]);
  }
});

test("a profile tells joins, amounts written as text, and sheets", () => {
  const [customers, orders] = readProfile(shopProfile);
  expect(orders?.joins).toEqual([{ column: "customer_id", other: customers, otherColumn: "id" }]);
  const amount = orders?.columns.find(({ name }) => name === "Amount");
  expect(amount).toMatchObject({
    kind: "money",
    asText: true,
    quartiles: [300, 700, 1100],
    examples: ["$1,234.50", "($120.50)", "$77.00"],
  });
  expect(orders && measures(orders).map(({ name }) => name)).toEqual(["Weight", "Fee"]);
  expect(orders && writtenNumbers(orders).map(({ name }) => name)).toEqual(["Amount"]);
  const sheet = readProfile(
    `/data/book.xlsx sheet "Or \\"ders" (XLSX, 100 rows, 1 columns)\n- "a" number, 9 distinct`,
  )[0];
  expect(sheet).toMatchObject({ file: '/data/book.xlsx sheet "Or \\"ders"', rows: 100 });
});

test.each([
  ["/data/a.csv.gz", 'pd.read_csv("/data/a.csv.gz", low_memory=False)'],
  ["/data/a.tsv.gz", 'pd.read_csv("/data/a.tsv.gz", sep="\\t", low_memory=False)'],
  ["/data/a.json.gz", 'gzip.open("/data/a.json.gz", "rt", encoding="utf-8")'],
  ["/data/a.ndjson", "[json.loads(line) for line in source if line.strip()]"],
  ["/data/a.parquet", 'pd.read_parquet("/data/a.parquet")'],
  ["/data/a.xlsx", 'pd.read_excel("/data/a.xlsx")'],
  ['/data/a.xlsx sheet "b \\"c"', 'pd.read_excel("/data/a.xlsx", sheet_name="b \\"c")'],
])("%s is read by pandas, and found again in a task", (file, code) => {
  expect(loadForReference(file)).toContain(code);
  expect(fileMeant("- /data/z.csv", `Use only the file ${JSON.stringify(file)}. Round to 2 decimals.`)).toBe(file);
  expect(fileMeant(`- ${file}`, "Round to 2 decimals.")).toBe(file.replace(/ sheet .*/, ""));
});

test("a planted near duplicate asks the same, in words that are not the same", () => {
  for (const family of families) {
    const [first] = suggested(family);
    const draw = drawFrom("twin", family.name);
    const filter = first && filterFor(family, first.slots, first.table, draw);
    if (!first || !filter) continue;
    const draft = word(family, first.slots, first.table, false, draw, filter);
    const solution = (question: string, constraints: string) => {
      const known = recognise(question, constraints);
      return (
        known && [known.filter, known.family.solve(known.slots, { column: () => ({ dtype: "float64", missing: 1 }) })]
      );
    };
    for (let sample = 0; sample < 6; sample++) {
      const again = twin(draft, "@x[1.5]", draw);
      expect([family.name, solution(again.question, again.constraints)]).toEqual([
        family.name,
        solution(draft.question, draft.constraints.join(" ")),
      ]);
    }
  }
});

test("a question that leaves something open, or is nobody's, is not recognised", () => {
  expect(recognise('What is the skewness of "Horsepower"?', "Round sensibly.")).toBeNull();
  expect(recognise("Why do cars rust?", "Round to 2 decimals.")).toBeNull();
});

test("of several files a question names the one it means, and the solver reads that one", () => {
  const profile = `${carsProfile}\n\n${carsProfile.replace("/data/cars.json", "/data/more cars.csv")}`;
  const asked = seedMessages(profile, 12);
  const code = codeIn(reply({ messages: asked, seed: 0, bareJson: false, rates: onlyErrors() })?.text ?? "") ?? "";
  expect(code).toContain('"/data/cars.json"');
  expect(code).toContain('"/data/more cars.csv"');
  const messages = taskMessages("/data/cars.json\n- /data/more cars.csv", {
    ...skewnessQuestion,
    constraints: `Use only the file "/data/more cars.csv". ${skewnessQuestion.constraints}`,
  });
  const look = reply({ messages, seed: 0, bareJson: false, rates: onlyErrors() })?.text ?? "";
  expect(look).toContain('pd.read_csv("/data/more cars.csv"');
});

test("data that nothing is known to ask about get an empty list, not an invented question", () => {
  const messages = seedMessages('/data/words.csv (CSV, 3 rows, 1 columns)\n- "word" text, 3 distinct', 12);
  const made = reply({ messages, seed: 0, bareJson: false, rates: onlyErrors() });
  expect(answerIn(made?.text ?? "")).toBe("[]");
});
