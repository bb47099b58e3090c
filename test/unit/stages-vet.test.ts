import { describe, expect, test } from "vitest";
import type { Proposal, Query, Reference } from "../../src/domain/task.ts";
import type { StepResult } from "../../src/domain/trajectory.ts";
import { metrics } from "../../src/metrics/index.ts";
import { attempts } from "../../src/stages/attempts.ts";
import { dedupe } from "../../src/stages/dedupe.ts";
import { reference } from "../../src/stages/reference.ts";
import { shape } from "../../src/stages/shape.ts";
import { dataset, endOf, outOf, query, sessions, signal, task, text } from "./stages-fixture.ts";

async function shaped(changes: Partial<Query>, problem: string | null = null): Promise<string> {
  const { id, seedId, dataset: data, ...fields } = query(changes);
  const proposal: Proposal = {
    id,
    seedId,
    dataset: data,
    raw: "{}",
    fields: problem === null ? fields : null,
    problem,
  };
  return endOf(await shape().run(proposal, { signal }));
}

describe("shape", () => {
  test.each<[string, string, Partial<Query>]>([
    ["admits a question with 20 characters", "passed", { question: "What is the maximum?" }],
    ["rejects one with 19", "question_too_short", { question: "What is the median?" }],
    ["rejects code that names no file of the dataset", "code_without_data", { referenceCode: "print(79.5)" }],
    [
      "rejects a question that holds its answer",
      "answer_leaked",
      { question: "Is it true that @mean[79.5] is right?" },
    ],
    ["rejects a format that holds the answer", "answer_leaked", { answerFormat: "as in @mean[79.5]" }],
    [
      "lets a short answer stand in the question",
      "passed",
      { question: "Is it 3.14 or 2.71 here?", referenceAnswer: "3.14" },
    ],
  ])("%s", async (_, end, changes) => {
    expect(await shaped(changes)).toBe(end);
  });

  test("keeps with the question what was done until its proposal could be read", async () => {
    const { id, seedId, dataset: data, ...fields } = query({});
    const proposal: Proposal = { id, seedId, dataset: data, raw: "{}", fields, problem: null, repairs: ["jsonrepair"] };
    expect(outOf(await shape().run(proposal, { signal }))).toEqual([{ ...query({}), repairs: ["jsonrepair"] }]);
  });

  test("rejects what could not be read as a question", async () => {
    expect(await shaped({}, "referenceCode: expected a string")).toBe("malformed");
  });
});

const longConstraints =
  "Leave out the rows where a value that is needed is missing, treat the years as whole numbers, do not weigh the rows, use the sample formula where there are two, and round the result to two decimals in the very end and not before.";

function dropped(queries: readonly Query[], nearDuplicate = 0.85): (string | null)[] {
  const stage = dedupe({ nearDuplicate });
  return stage.decide(queries.map(stage.project)).map((decision) => decision?.code ?? null);
}

function about(id: string, column: string, changes: Partial<Query> = {}): Query {
  return query({
    id,
    question: `What is the mean ${column} of the cars from Japan?`,
    constraints: longConstraints,
    referenceCode: `cars = read("cars.csv")\nprint(cars[cars.origin == "Japan"].${column}.mean())`,
    ...changes,
  });
}

describe("dedupe", () => {
  test("drops a question asked in other case and white space", () => {
    const again = query({ id: "query_2", question: "what is  the mean HORSEPOWER of the cars from Japan?" });
    expect(dropped([query(), again])).toEqual([null, "exact_duplicate"]);
  });

  test("keeps the same words about another dataset, and in another answer format", () => {
    const elsewhere = query({ id: "query_2", dataset: { ...dataset, id: "dataset_2" } });
    expect(dropped([query(), elsewhere])).toEqual([null, null]);
    // Not an exact duplicate any more, but a near one.
    expect(dropped([query(), query({ id: "query_3", answerFormat: "@other[value]" })])).toEqual([
      null,
      "near_duplicate",
    ]);
  });

  test("drops a rewording that asks for the same", () => {
    const reworded = about("query_2", "horsepower", {
      question: "Tell what is the mean horsepower of the cars from Japan?",
    });
    expect(dropped([about("query_1", "horsepower"), reworded])).toEqual([null, "near_duplicate"]);
  });

  test("keeps questions that differ only in the column, however long the constraints they share", () => {
    expect(dropped([about("query_1", "horsepower"), about("query_2", "displacement")])).toEqual([null, null]);
  });

  test("keeps questions that differ only in a number that their code uses", () => {
    const top = (id: string, count: number) =>
      about(id, "horsepower", {
        question: `What is the mean horsepower of the ${count} heaviest cars from Japan?`,
        referenceCode: `cars = read("cars.csv")\nprint(cars.nlargest(${count}, "weight").horsepower.mean())`,
      });
    expect(dropped([top("query_1", 5), top("query_2", 10)])).toEqual([null, null]);
  });

  test("drops at the threshold and keeps above it", () => {
    const asked = (id: string, question: string) => query({ id, question, constraints: "", referenceCode: "cars.csv" });
    // Word 3-grams: a b c d and a b c e share 1 of 3.
    const pair = [asked("query_1", "a b c d"), asked("query_2", "a b c e")];
    expect(dropped(pair, 1 / 3)).toEqual([null, "near_duplicate"]);
    expect(dropped(pair, 0.34)).toEqual([null, null]);
  });
});

async function referenced(changes: Partial<Query>, result: Partial<StepResult>) {
  const { openSession, codes } = sessions(result);
  const asked = query(changes);
  const step = await reference({ openSession, concurrency: 1 }).run(asked, { signal });
  expect(codes).toEqual([asked.referenceCode]);
  return step;
}

describe("reference", () => {
  test("admits a query whose code prints its answer", async () => {
    const [admitted] = outOf(await referenced({}, { stdout: text("reading\n@mean[79.5]\n") }));
    expect(admitted).toMatchObject({ queryId: "query_1", reference: { metric: "named_values" }, metadata: {} });
  });

  test("reads the last value of the code where it prints nothing", async () => {
    expect(endOf(await referenced({}, { result: text("79.5") }))).toBe("passed");
  });

  test.each(["error", "timeout", "oom", "exited", "killed", "output_limit"] as const)(
    "rejects code that ends with %s, whatever it printed",
    async (end) => {
      expect(endOf(await referenced({}, { end, stdout: text("@mean[79.5]") }))).toBe("reference_error");
    },
  );

  test("rejects code that prints another answer, or none", async () => {
    expect(endOf(await referenced({}, { stdout: text("@mean[79.6]") }))).toBe("reference_mismatch");
    expect(endOf(await referenced({}, {}))).toBe("reference_mismatch");
  });

  test("rejects an answer that cannot be checked", async () => {
    expect(endOf(await referenced({ referenceAnswer: "@mean[nan]" }, { stdout: text("@mean[nan]") }))).toBe(
      "reference_unreadable",
    );
  });

  test("makes no number out of the two ends of an output that was cut", async () => {
    const stdout = { head: "@mean[79", tail: ".5]", droppedBytes: 100_000 };
    expect(endOf(await referenced({}, { stdout }))).toBe("reference_mismatch");
  });

  test("checks to the decimals that only the constraints state, also where Python printed fewer", async () => {
    const [admitted] = outOf(await referenced({}, { stdout: text("@mean[79.5]") }));
    const named = metrics.find(({ name }) => name === "named_values");
    if (admitted === undefined) throw new Error("Expected a task");
    const scored = (submission: string) =>
      named?.score({ reference: admitted.reference as Reference, submission }).value;
    expect(scored("@mean[79.50]")).toBe(1);
    expect(scored("@mean[79.54]")).toBe(0);
  });

  test("gives the same task the same id, whatever query it comes from", async () => {
    const [one] = outOf(await referenced({}, { stdout: text("@mean[79.5]") }));
    const [two] = outOf(await referenced({ id: "query_2" }, { stdout: text("@mean[79.5]") }));
    const [other] = outOf(await referenced({ constraints: "None." }, { stdout: text("@mean[79.5]") }));
    expect(two?.id).toBe(one?.id);
    expect(other?.id).not.toBe(one?.id);
  });
});

test("attempts become k items that count from 0 and have ids of their own", async () => {
  const made = outOf(await attempts(3).run(task(), { signal }));
  expect(made.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(new Set(made.map(({ id }) => id)).size).toBe(3);
});
