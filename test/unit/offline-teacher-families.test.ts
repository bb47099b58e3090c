import { expect, test } from "vitest";
import { drawFrom } from "../../src/models/offline-teacher/draw.ts";
import { families } from "../../src/models/offline-teacher/families/index.ts";
import { read, render } from "../../src/models/offline-teacher/grammar.ts";
import { readProfile } from "../../src/models/offline-teacher/profile.ts";
import { recognise, word } from "../../src/models/offline-teacher/question.ts";
import { reply } from "../../src/models/offline-teacher/teacher.ts";
import {
  answerIn,
  carsProfile,
  codeIn,
  onlyErrors,
  seedMessages,
  skewnessQuestion,
  taskMessages,
} from "./offline-teacher-fixture.ts";

const [cars] = readProfile(
  carsProfile
    .replace(
      '"Year" date',
      '"Acceleration" number, 96 distinct; min 8, max 24.8, mean 15.5\n- "Weight" number, 90 distinct; min 1613, max 5140\n- "Year" date',
    )
    .replace(
      '"Origin" category, 3',
      '"Maker" category, 9 distinct; top: "ford" (50), "amc" (28)\n- "Origin" category, 3',
    ),
);

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
  if (!cars) throw new Error("no table");
  const proposals = family.propose(cars, drawFrom("test"));
  expect(proposals.length).toBeGreaterThan(0);
  const wordings = new Set<string>();
  for (let sample = 0; sample < 60; sample++) {
    const draw = drawFrom(family.name, sample);
    const slots = draw.pick(proposals);
    const draft = word(family, slots, cars, sample % 2 === 0, draw);
    const known = recognise(draft.question, draft.constraints.join(" "));
    expect(known?.family.name).toBe(family.name);
    for (const [name, value] of Object.entries(known?.slots ?? {})) expect([name, slots[name]]).toEqual([name, value]);
    wordings.add(draft.question.replace(/"[^"]*"|\d+/g, "_"));
  }
  expect(wordings.size).toBeGreaterThan(1);
});

test("a forgotten constraint changes the solving code of every family that can forget", () => {
  if (!cars) throw new Error("no table");
  const facts = { column: () => ({ dtype: "float64", missing: 1 }) };
  for (const family of families) {
    const [slots] = family.propose(cars, drawFrom("test"));
    if (!slots || !family.forget) continue;
    expect([family.name, family.solve(family.forget(slots), facts)]).not.toEqual([
      family.name,
      family.solve(slots, facts),
    ]);
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
