// Every family on real tables: what the reference program prints and what the solver works out agree, by running both.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeProfile } from "../../src/datasets/describe.ts";
import {
  type ChatMessage,
  defaultErrorRates,
  type ErrorRates,
  type Planted,
} from "../../src/models/offline-teacher/conversation.ts";
import { families } from "../../src/models/offline-teacher/families/index.ts";
import { loadForReference, loadForSolving } from "../../src/models/offline-teacher/loading.ts";
import { recognise } from "../../src/models/offline-teacher/question.ts";
import { reply } from "../../src/models/offline-teacher/teacher.ts";
import {
  answerIn,
  codeIn,
  observed,
  onlyErrors,
  said,
  seedMessages,
  shopProfile,
  taskMessages,
} from "../unit/offline-teacher-fixture.ts";
import { type PythonSessions, pythonMissing, startPython, workbooksMissing } from "./offline-teacher-python.ts";

const tables = ["cars.json", "movies.json", "penguins.json", "seattle-weather.csv", "gapminder.json", "airports.csv"];

const plainFiles = ["/data/t.csv.gz", "/data/t.tsv.gz", "/data/t.json.gz", "/data/t.ndjson", "/data/t.jsonl.gz"];

interface Item {
  readonly question: string;
  readonly constraints: string;
  readonly answer_format: string;
  readonly reference_code: string;
  readonly reference_answer: string;
}

describe.skipIf(pythonMissing)(
  "families, by running both sides (needs /usr/bin/python3 with pandas, scipy, scikit-learn)",
  () => {
    let python: PythonSessions;
    let sessions = 0;

    beforeAll(async () => {
      python = await startPython();
    });
    afterAll(() => python[Symbol.asyncDispose]());

    async function run(session: string, code: string, dir: string, last = false): Promise<string> {
      const { printed, error } = await python.run(session, code, dir, last);
      return error === null ? printed : `${printed}\n${error.traceback}`.trim();
    }

    async function converse(
      opening: readonly ChatMessage[],
      dir: string,
      seed: number,
      rates: ErrorRates,
      maxTurns: number,
    ) {
      const messages = [...opening];
      const planted: Planted[] = [];
      const session = `session ${sessions++}`;
      let answer: string | null = null;
      for (let turn = 0; turn < maxTurns && answer === null; turn++) {
        const made = reply({ messages, seed, bareJson: false, rates });
        if (!made) throw new Error("not recognised");
        planted.push(...made.planted);
        messages.push(said(made.text));
        answer = answerIn(made.text);
        const code = codeIn(made.text);
        if (code !== null) messages.push(observed((await run(session, code, dir)) || "(no output)"));
        else if (answer === null) messages.push({ role: "user", content: "Nothing was run." });
      }
      await run(session, "", dir, true);
      return { answer, messages, planted };
    }

    async function explore(table: string, rates: ErrorRates, exploration = 1) {
      const { seed, dir } = await python.seed(table);
      return exploreProfile(describeProfile(seed.profile), dir, rates, exploration);
    }

    async function exploreProfile(profile: string, dir: string, rates: ErrorRates, exploration: number) {
      const proposed = await converse(seedMessages(profile, 24, exploration), dir, exploration - 1, rates, 12);
      const json = /\[[\s\S]*\]/.exec(proposed.answer ?? "")?.[0] ?? "[]";
      return { ...proposed, dir, items: JSON.parse(json) as Item[] };
    }

    const asked = new Set<string>();

    const steps = new Set<number>();

    /** Solves what was proposed, and expects each answer to be the reference's and to have been seen. */
    async function solveAll(files: string, { items, dir }: { items: readonly Item[]; dir: string }) {
      const solved = [];
      for (const item of items) {
        const family = recognise(item.question, item.constraints)?.family.name;
        if (family) asked.add(family);
        const { answer, messages } = await converse(taskMessages(files, item), dir, 0, onlyErrors(), 10);
        const outputs = messages
          .slice(2)
          .filter((message) => message.role === "user")
          .map((message) => message.content);
        steps.add(outputs.length);
        expect(outputs.join("\n")).not.toContain("Traceback");
        for (const [, value = ""] of (answer ?? "").matchAll(/\[([^\]]*)\]/g))
          expect(outputs.join("\n")).toContain(value);
        solved.push([item.question, answer]);
      }
      expect(solved).toEqual(items.map((item) => [item.question, item.reference_answer]));
    }

    test.each(tables)(
      "on %s at least 20 questions are proposed, and each is solved to its reference answer",
      async (table) => {
        const proposed = await explore(table, onlyErrors());
        expect(proposed.items.length).toBeGreaterThanOrEqual(20);
        const { messages } = proposed;
        expect(messages.filter((message) => message.role === "assistant").length).toBeLessThanOrEqual(9);
        expect(
          Math.max(...messages.map((message) => (message.role === "user" ? message.content.length : 0))),
        ).toBeLessThan(16_000);
        await solveAll(`/data/${table}`, proposed);
      },
    );

    test("two files are joined, and amounts written as text are cleaned", async () => {
      const dir = await python.shop();
      for (const exploration of [1, 2, 3]) {
        const proposed = await exploreProfile(shopProfile, dir, onlyErrors(), exploration);
        await solveAll("/data/customers.csv\n- /data/orders.csv", proposed);
      }
      for (const name of ["join_total", "join_unmatched", "written_numbers"]) expect([...asked]).toContain(name);
    });

    test("solutions take between two and eight steps, and differ in that", () => {
      expect(Math.min(...steps)).toBe(2);
      expect(Math.max(...steps)).toBeLessThanOrEqual(8);
      expect(steps.size).toBeGreaterThanOrEqual(5);
    });

    test("between them the tables call for every family", () => {
      expect([...asked].sort()).toEqual(families.map((family) => family.name).sort());
    });

    test.each(workbooksMissing ? plainFiles : [...plainFiles, '/data/t.xlsx sheet "two"'])(
      "%s is read alike by both sides",
      async (file) => {
        const dir = await python.shop("files");
        const session = `files ${sessions++}`;
        const write = `import pandas as pd
df = pd.DataFrame({"a b": [1.5, None, 3.25], "c": ["x", "y, z", None], "n": [1, 2, 3]})
df.to_csv("/data/t.csv.gz", index=False)
df.to_csv("/data/t.tsv.gz", sep="\\t", index=False)
df.to_json("/data/t.json.gz", orient="records")
df.to_json("/data/t.ndjson", orient="records", lines=True)
df.to_json("/data/t.jsonl.gz", orient="records", lines=True)
${workbooksMissing ? "" : 'with pd.ExcelWriter("/data/t.xlsx") as book:\n    df.head(1).to_excel(book, "one", index=False)\n    df.to_excel(book, "two", index=False)'}`;
        expect(await run(session, write, dir)).toBe("");
        const show = 'print(df.to_csv(index=False, float_format="%.3f"))';
        const whole = '"a b",c,n\n1.500,x,1\n,"y, z",2\n3.250,,3'.replace('"a b"', "a b");
        expect(await run(session, `${loadForReference(file)}\n${show}`, dir)).toBe(whole);
        expect(await run(session, `${loadForSolving(file)}\n${show}`, dir, true)).toBe(whole);
      },
    );

    test("planted proposals are as bad as the truth says: their code raises, changes or misses the answer", async () => {
      const kinds = { broken_code: 0.25, nondeterministic_code: 0.25, wrong_reference: 0.25 };
      const { items, planted, dir } = await explore("cars.json", onlyErrors(kinds));
      expect(planted.length).toBeGreaterThan(8);
      for (const item of items) {
        const kind = planted.find((one) => one.subject === item.question)?.kind;
        const printed = await run(`reference ${sessions++}`, item.reference_code, dir, true);
        const last = printed.split("\n").at(-1);
        if (kind === undefined) expect(last).toBe(item.reference_answer);
        if (kind === "broken_code") expect(printed).toContain("Traceback");
        if (kind === "wrong_reference") expect(last).not.toBe(item.reference_answer);
        if (kind === "nondeterministic_code") expect(item.reference_code).toContain("df.sample(");
      }
    });

    test("with the usual error rates most attempts are right, and an unplanted wrong answer does not exist", async () => {
      const { items, dir } = await explore("penguins.json", onlyErrors(), 2);
      let right = 0;
      for (const item of items) {
        const { answer, planted } = await converse(
          taskMessages("/data/penguins.json", item),
          dir,
          2,
          defaultErrorRates,
          10,
        );
        if (answer?.includes(item.reference_answer)) right++;
        else expect(planted).toHaveLength(1);
      }
      expect(right / items.length).toBeGreaterThan(0.5);
    });
  },
);
