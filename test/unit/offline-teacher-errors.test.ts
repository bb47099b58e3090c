import { expect, test } from "vitest";
import { sha256 } from "../../src/domain/hash.ts";
import { type ChatMessage, defaultErrorRates, type ErrorKind } from "../../src/models/offline-teacher/conversation.ts";
import { reply, teacherVersion } from "../../src/models/offline-teacher/teacher.ts";
import {
  answerIn,
  carsProfile,
  codeIn,
  lookOutput,
  observed,
  onlyErrors,
  recordMessages,
  said,
  seedMessages,
  skewnessQuestion,
  taskMessages,
} from "./offline-teacher-fixture.ts";

/** What code would print, as far as the answer depends on it. */
function outputOf(code: string): string {
  if (code.includes('df["horsepower"]')) return keyError;
  if (code.startsWith("import numpy") && !code.includes("skewness = ")) return lookOutput;
  if (code.includes("time.sleep")) return "[The step was stopped after 60 s: it took longer than a step may take.]";
  if (code.includes("skewness = ")) return "skewness = 1.09";
  return code.includes(`print("mean:"`) ? "mean: nan" : "n 400 m2 1481.5 m3 62000.1";
}
const keyError = "Traceback (most recent call last):\n  File \"<step>\", line 1\nKeyError: 'horsepower'";

/** A whole solution against outputs that are made up, as far as 12 messages reach. */
function converse(seed: number, rates = onlyErrors(), printed = outputOf) {
  const messages: ChatMessage[] = taskMessages("/data/cars.json", skewnessQuestion);
  const planted: ErrorKind[] = [];
  for (let turn = 0; turn < 12; turn++) {
    const made = reply({ messages, seed, bareJson: false, rates });
    if (!made) throw new Error("not recognised");
    planted.push(...made.planted.map((one) => one.kind));
    messages.push(said(made.text));
    const answer = answerIn(made.text);
    if (answer !== null) return { messages, planted, answer };
    const code = codeIn(made.text);
    if (code === null) messages.push({ role: "user", content: "Your message held neither. Nothing was run." });
    else messages.push(observed(printed(code)));
  }
  return { messages, planted, answer: null };
}

test("without errors it looks, works in steps, and answers with the number of the last output", () => {
  const { messages, answer, planted } = converse(1);
  expect(answer).toBe("@skewness[1.09]");
  expect(planted).toEqual([]);
  const steps = messages.filter((message) => message.role === "assistant").length - 1;
  expect(steps).toBeGreaterThanOrEqual(2);
  expect(steps).toBeLessThanOrEqual(8);
});

test("each kind of error shows about as often as its rate says, and is told once", () => {
  const kinds = [
    "wrong_column",
    "forgotten_constraint",
    "exception_repaired",
    "hallucinated",
    "no_answer",
    "wrong_format",
    "early_stop",
    "rounding_slip",
    "too_much_output",
    "ran_out_of_time",
  ] as const;
  const runs = 1500;
  const counts = new Map<ErrorKind, number>();
  for (let seed = 0; seed < runs; seed++) {
    const { planted } = converse(seed, defaultErrorRates);
    expect(planted.length).toBeLessThan(2);
    for (const kind of planted) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  for (const kind of kinds) {
    // A quarter of the wrong formats are mended when told so, and are told as errors all the same.
    expect([kind, Math.abs((counts.get(kind) ?? 0) / runs - defaultErrorRates[kind]) < 0.03]).toEqual([kind, true]);
  }
});

const always = (kind: ErrorKind) => Array.from({ length: 40 }, (_, seed) => converse(seed, onlyErrors({ [kind]: 1 })));

test("an exception is repaired and the answer is right", () => {
  for (const { messages, answer } of always("exception_repaired")) {
    expect(messages.some((message) => message.content.includes("KeyError"))).toBe(true);
    expect(answer).toBe("@skewness[1.09]");
  }
});

test("a step that prints far too much, or never ends, is followed by one that does the work", () => {
  for (const kind of ["too_much_output", "ran_out_of_time"] as const) {
    for (const { answer, planted } of always(kind)) expect([answer, planted]).toEqual(["@skewness[1.09]", [kind]]);
  }
});

test("a rounding slip gives one decimal too few", () => {
  for (const { answer } of always("rounding_slip")) expect(answer).toBe("@skewness[1.1]");
});

test("solutions differ in length, and a first idea that the output disproves is dropped", () => {
  const lengths = new Map<number, number>();
  let dropped = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { messages, answer } = converse(seed);
    expect(answer).toBe("@skewness[1.09]");
    const steps = messages.filter(({ role, content }) => role === "assistant" && codeIn(content) !== null).length;
    lengths.set(steps, (lengths.get(steps) ?? 0) + 1);
    const disproved = messages.findIndex(({ content }) => content.includes("mean: nan"));
    if (disproved < 0) continue;
    expect(messages[disproved + 1]?.content).toContain("numpy does not pass over gaps");
    dropped++;
  }
  expect(Math.min(...lengths.keys())).toBe(2);
  expect(lengths.size).toBeGreaterThanOrEqual(4);
  expect(dropped).toBeGreaterThan(10);
});

test("a hallucinated answer stands in no output", () => {
  for (const { messages, answer } of always("hallucinated")) {
    const value = /\[(.*)\]/.exec(answer ?? "")?.[1] ?? "";
    const shown = messages
      .slice(2)
      .filter((message) => message.role === "user")
      .map((message) => message.content)
      .join();
    expect(shown.includes(value)).toBe(false);
  }
});

test("no answer means that none comes within the turns", () => {
  for (const { answer } of always("no_answer")) expect(answer).toBeNull();
});

test("a wrong column is another column of the same file", () => {
  for (const { messages } of always("wrong_column")) {
    expect(
      messages.some((message) => message.role === "assistant" && message.content.includes('df["Miles_per_Gallon"]')),
    ).toBe(true);
  }
});

test("a failure that nobody planted is met by starting again, and then by saying so", () => {
  const messages: ChatMessage[] = [
    ...taskMessages("/data/cars.json", skewnessQuestion),
    said("look"),
    observed(lookOutput),
    said("work"),
    observed(
      "[The step was stopped: it needed more memory than there is. The interpreter was started again: variables, imports and functions are gone.]",
    ),
  ];
  const again = reply({ messages, seed: 3, bareJson: false, rates: onlyErrors() });
  expect(codeIn(again?.text ?? "")).toContain("pd.read_json");
  messages.push(said("again"), observed("Traceback (most recent call last):\nValueError: no"));
  const end = reply({ messages, seed: 3, bareJson: false, rates: onlyErrors() });
  expect(answerIn(end?.text ?? "")).toBe("I could not compute an answer.");
});

test("a side look that fails is passed over, and the work goes on", () => {
  let failures = 0;
  for (let seed = 0; seed < 40; seed++) {
    const { messages, answer } = converse(seed, onlyErrors(), (code) =>
      code.startsWith('print("mean:"') ? "Traceback (most recent call last):\nTypeError: no" : outputOf(code),
    );
    expect(answer).toBe("@skewness[1.09]");
    const at = messages.findIndex(({ content }) => content.includes("TypeError"));
    if (at < 0) continue;
    failures++;
    expect(messages[at + 1]?.content).toContain("the answer does not need it");
  }
  expect(failures).toBeGreaterThan(3);
});

test("a question of nobody's is explored and then declined, without a number", () => {
  const messages: ChatMessage[] = taskMessages("/data/cars.json", {
    question: "Which car would you buy?",
    constraints: "None.",
    answer_format: "@car[name]",
  });
  for (const output of ["(406, 3)", "counts"]) {
    const made = reply({ messages, seed: 0, bareJson: false, rates: defaultErrorRates });
    expect(codeIn(made?.text ?? "")).not.toBeNull();
    messages.push(said(made?.text ?? ""), observed(output));
  }
  const end = reply({ messages, seed: 0, bareJson: false, rates: defaultErrorRates });
  expect(answerIn(end?.text ?? "")).toBe("I cannot answer this question.");
});

const task = `Data files:\n- /data/cars.json\n\nQuestion:\n${skewnessQuestion.question}\n\nConstraints:\n${skewnessQuestion.constraints}\n\nAnswer format:\n${skewnessQuestion.answer_format}`;
const record = (answer: string, output = "skewness = 1.09") =>
  `[assistant]\n<python>\nx = df["Horsepower"]\n</python>\n\n[user]\n<information>\n${output}\n</information>\n\n[assistant]\n<answer>\n${answer}\n</answer>`;

function judged(text: string, seed = 0, rates = onlyErrors(), more: ChatMessage[] = []): Record<string, number> {
  const made = reply({ messages: [...recordMessages(task, text), ...more], seed, bareJson: true, rates });
  const { criteria } = JSON.parse(made?.text ?? "") as {
    criteria: { name: string; score: number; evidence: string }[];
  };
  for (const { evidence } of criteria) expect(`${task}\n${text}`).toContain(evidence);
  return Object.fromEntries(criteria.map(({ name, score }) => [name, score]));
}

test("the judge scores what it reads: seen, unseen, unformatted and missing answers", () => {
  const good = judged(record("@skewness[1.09]"));
  expect(Object.keys(good)).toEqual([
    "clarity",
    "feasibility",
    "educational_value",
    "execution",
    "answer_quality",
    "alignment",
  ]);
  for (const score of Object.values(good)) expect(score).toBeGreaterThan(0.65);
  expect(judged(record("@skewness[7.31]")).answer_quality).toBeLessThan(0.5);
  expect(judged(record("1.09")).answer_quality).toBeLessThan(0.7);
  expect(judged(record("@skewness[1.09]").replace("Horsepower", "Weight")).alignment).toBeLessThan(0.5);
  expect(judged(record("@skewness[1.09]", keyError)).execution).toBeLessThan(0.4);
});

test("votes differ a little, and the judge errs about as often as its rates say", () => {
  const scores = new Set(
    Array.from({ length: 5 }, (_, seed) => JSON.stringify(judged(record("@skewness[1.09]"), seed))),
  );
  expect(scores.size).toBeGreaterThan(1);
  const messages = recordMessages(task, record("@skewness[1.09]"));
  let harsh = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const made = reply({ messages, seed, bareJson: false, rates: defaultErrorRates });
    harsh += made?.planted.filter((one) => one.kind === "judge_harsh").length ?? 0;
  }
  expect(Math.abs(harsh / 1500 - defaultErrorRates.judge_harsh)).toBeLessThan(0.02);
});

test("a review that could not be used is written properly when asked again", () => {
  const scores = judged(record("@skewness[1.09]"), 0, onlyErrors({ judge_malformed: 1 }), [
    said("{"),
    { role: "user", content: "Your review could not be used: it holds no JSON." },
  ]);
  expect(Object.keys(scores)).toHaveLength(6);
});

test("what it answers changes only with its version", () => {
  const requests: (readonly ChatMessage[])[] = [
    seedMessages(carsProfile, 12),
    [
      ...seedMessages(carsProfile, 12),
      said("look"),
      observed('column ["/data/cars.json", "Horsepower"] float64 numbers 400 missing 6'),
      said("groups"),
      observed('groups ["/data/cars.json", "Origin"] {"USA": 254, "Japan": 79, "Europe": 73}'),
    ],
    converse(1).messages,
    recordMessages(task, record("@skewness[1.09]")),
  ];
  const texts = requests.map(
    (messages) => reply({ messages, seed: 1, bareJson: false, rates: defaultErrorRates })?.text,
  );
  const golden = { version: teacherVersion, answers: sha256(JSON.stringify(texts)).slice(0, 16) };
  // Another hash: bump teacherVersion, or remembered completions of older runs would pass for the new answers.
  expect(golden).toEqual({ version: 2, answers: "b392071a7c5974ad" });
});
