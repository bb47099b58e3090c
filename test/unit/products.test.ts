import { readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { EndedCandidate, RejectionReason } from "../../src/domain/products.ts";
import { atifExporter } from "../../src/exports/atif.ts";
import { labelledSteps, labelledTry } from "../../src/exports/products/labels.ts";
import { preferencePairs } from "../../src/exports/products/pairs.ts";
import { rlTask } from "../../src/exports/products/tasks.ts";
import { pythonTool, scratchFolder, streamOf } from "./export-fixtures.ts";
import { candidate, type Done, task } from "./stages-fixture.ts";

const wrong: RejectionReason = { stage: "screen", code: "wrong_answer", message: "answer is 0, below 1" };
const look: Done = { code: "print(df.head())", out: "a table" };
const right: Done = { answer: "@mean[79.5]" };
const other: Done = { answer: "@mean[1]" };

/** A try that ended: accepted without a reason. */
function ended(id: string, done: readonly Done[], reason: RejectionReason | null = null): EndedCandidate {
  const body = candidate(done, { id: `trajectory_${id}` });
  return {
    ...{ id: `trajectory_${id}`, group: "dataset_cars", dataset: "cars", taskId: "task_1", queryId: "query_1" },
    ...{ candidate: body, accepted: reason === null, reason },
  };
}

/** Such a try of the scaffold `tools`: it looks by a call of this id, thinks so, and answers. */
function calling(
  id: string,
  callId: string,
  options: { answer?: Done; thought?: string; reason?: RejectionReason } = {},
) {
  const { answer = right, thought, reason = null } = options;
  const tried = ended(id, [look, answer], reason);
  const { trajectory } = tried.candidate;
  const messages = trajectory.messages.map((message, index): (typeof trajectory.messages)[number] => {
    const call = { id: callId, name: "python", arguments: JSON.stringify({ code: "print(df.head())" }) };
    const thinks = thought === undefined ? {} : { reasoning: thought };
    if (index === 2) return { role: "assistant", content: "", toolCalls: [call], ...thinks };
    return index === 3 ? { role: "tool", content: "a table", toolCallId: callId } : message;
  });
  const made = { ...trajectory, scaffold: "tools", tools: [pythonTool], messages };
  return { ...tried, candidate: { ...tried.candidate, trajectory: made } };
}

test("ids of calls, which endpoints draw anew, tell no tries apart; the prompt has the accepted try's", () => {
  const [pair] = preferencePairs([calling("a", "call_x"), calling("b", "call_y", { answer: other, reason: wrong })], {
    most: 4,
  });
  expect(pair?.prompt.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool"]);
  expect([pair?.prompt[2]?.toolCalls?.[0]?.id, pair?.prompt[3]?.toolCallId]).toEqual(["call_x", "call_x"]);
  expect([pair?.chosen.length, pair?.rejected.length]).toEqual([1, 1]);
});

test("thinking stands in a prompt where both tries thought the same, for nobody thought it before the rejected answer otherwise", () => {
  const thoughts = (ours: string, theirs: string) => {
    const worse = calling("b", "call_1", { answer: other, reason: wrong, thought: theirs });
    const [pair] = preferencePairs([calling("a", "call_1", { thought: ours }), worse], { most: 4 });
    return pair?.prompt.map(({ reasoning = null }) => reasoning);
  };
  expect(thoughts("Look first.", "Look first.")).toEqual([null, null, "Look first.", null]);
  expect(thoughts("Look first.", "Let me see.")).toEqual([null, null, null, null]);
});

test("a pair shares its messages up to the first that the agent said otherwise, and carries the reason", () => {
  const [pair, ...more] = preferencePairs([ended("a", [look, right]), ended("b", [look, other], wrong)], { most: 4 });
  expect(more).toEqual([]);
  expect(pair?.prompt.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
  expect(pair?.prompt.every(({ train }) => !train)).toBe(true);
  expect([pair?.chosen[0]?.content, pair?.rejected[0]?.content]).toEqual([
    JSON.stringify(right),
    JSON.stringify(other),
  ]);
  expect(pair).toMatchObject({
    chosenTrajectoryId: "trajectory_a",
    rejectedTrajectoryId: "trajectory_b",
    reason: wrong,
  });
});

test("tries that differ first in what the environment answered make no pair", () => {
  const luckless = ended("b", [look, other], wrong);
  const messages = luckless.candidate.trajectory.messages.map((message) =>
    message.content === "a table" ? { ...message, content: "another table" } : message,
  );
  const otherwise = {
    ...luckless,
    candidate: { ...luckless.candidate, trajectory: { ...luckless.candidate.trajectory, messages } },
  };
  expect(preferencePairs([ended("a", [look, right]), otherwise], { most: 4 })).toEqual([]);
});

test.each(["not_best", "over_target", "waived", "not_trainable", "wrong_answer_unscored"])(
  "a try dropped as %s is neither good nor bad",
  (code) => {
    const reason = { ...wrong, code };
    const dropped = ended("b", [look, other], reason);
    expect(preferencePairs([ended("a", [look, right]), dropped], { most: 4 })).toEqual([]);
    expect([labelledTry(dropped), labelledSteps(dropped)]).toEqual([null, null]);
  },
);

test("at most so many pairs a task, every rejected try before any twice, in whatever order they come", () => {
  const good = ["a", "b", "c"].map((id) => ended(id, [{ code: `print(${JSON.stringify(id)})` }, right]));
  const bad = ["x", "y"].map((id) => ended(id, [{ code: `print(${JSON.stringify(id)})` }, other], wrong));
  const ids = (tries: EndedCandidate[], most: number) =>
    preferencePairs(tries, { most }).map(
      ({ chosenTrajectoryId, rejectedTrajectoryId }) => `${chosenTrajectoryId.at(-1)}${rejectedTrajectoryId.at(-1)}`,
    );
  expect(ids([...good, ...bad], 2)).toEqual(["ax", "by"]);
  expect(ids([...good, ...bad], 4)).toEqual(["ax", "by", "bx", "cy"]);
  expect(new Set(ids([...good, ...bad], 100))).toHaveLength(6);
  fc.assert(
    fc.property(fc.shuffledSubarray([...good, ...bad], { minLength: 5 }), (tries) => {
      expect(ids(tries, 4)).toEqual(ids([...good, ...bad], 4));
    }),
  );
});

test("a try that holds a control token of a chat template is in no product", () => {
  const injected = ended("b", [{ code: "print(1)", out: "<|im_end|>" }, other], wrong);
  expect(preferencePairs([ended("a", [look, right]), injected], { most: 4 })).toEqual([]);
  expect(labelledTry(injected)).toBe(null);
});

test("a try without an answer is a bad example all the same, cut behind what it said last", () => {
  const stuck = ended("b", [look, look], { ...wrong, code: "unfinished" });
  const labelled = labelledTry(stuck);
  expect(labelled?.label).toBe(false);
  expect(labelled?.messages.at(-1)?.role).toBe("assistant");
});

test("steps are labelled by what is known of them, and by nothing else", () => {
  const done: Done[] = [
    { code: "boom()", out: "NameError", step: { end: "error" } },
    { invalid: "no code" },
    look,
    look,
    right,
  ];
  const why = (reason: RejectionReason | null) =>
    labelledSteps(ended("a", done, reason))?.steps.map((step) => [step.why, step.label]);
  expect(why(null)).toEqual([
    ["failed", false],
    ["invalid", false],
    ["ran", true],
    ["repeated", false],
    ["accepted_answer", true],
  ]);
  expect(why(wrong)).toEqual([
    ["failed", false],
    ["invalid", false],
    ["unknown", null],
    ["repeated", false],
    ["rejected_answer", false],
  ]);
});

test("a task to practise on asks as the rollouts asked, counts its tries, and needs a reference", () => {
  const tries = [ended("a", [look, right]), ended("b", [other], wrong)];
  expect(rlTask(tries)).toMatchObject({
    ...{ id: "task_1", tried: 2, accepted: 1, scaffold: "react", difficulty: "easy" },
    prompt: [{ role: "system" }, { role: "user" }],
    reference: { metric: "named_values" },
    files: [{ name: "cars.csv", sha256: "cc", bytes: 10 }],
  });
  const open = tries.map((one) => ({
    ...one,
    candidate: { ...one.candidate, attempt: { ...one.candidate.attempt, task: task({ reference: null }) } },
  }));
  expect(rlTask(open)).toBe(null);
});

test("a trajectory's observations stand at the step that asked for them, and its check tells what is no trajectory", async () => {
  await using folder = await scratchFolder();
  const atif = atifExporter();
  const { path } = await atif.write(
    streamOf([ended("a", [look, right]), ended("b", [other], wrong)]),
    folder.at("atif.jsonl"),
  );
  const [first, second] = (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(first.steps.map(({ source }: { source: string }) => source)).toEqual(["system", "user", "agent", "agent"]);
  expect(first.steps[2].observation).toEqual({ results: [{ source_call_id: null, content: "a table" }] });
  expect(first).toMatchObject({
    schema_version: "ATIF-v1.5",
    session_id: "trajectory_a",
    extra: { accepted: true, reason: null },
  });
  expect(second.extra.reason).toEqual(wrong);
  expect(await atif.check(path)).toEqual([]);
  const broken: [string, (row: typeof first) => void][] = [
    ["AT-R1", (row) => delete row.session_id],
    ["AT-R1", (row) => (row.schema_version = "ATIF-v1.7")],
    ["AT-R1", (row) => (row.agent.tool_definitions = [{ type: "function" }])],
    ["AT-R3", (row) => (row.steps[1].reasoning_content = "I think")],
    ["AT-R2", (row) => (row.steps[1].step_id = 7)],
    ["AT-R3", (row) => (row.steps[1].observation = { results: [] })],
    ["AT-R3", (row) => (row.steps[2].observation.results[0].source_call_id = "call_9")],
  ];
  const rulesOf = async (breaks: (row: typeof first) => void) => {
    const row = structuredClone(first);
    breaks(row);
    await writeFile(path, `${JSON.stringify(row)}\n`);
    return (await atif.check(path)).map((problem) => problem.rule);
  };
  for (const [rule, breaks] of broken) expect(await rulesOf(breaks)).toEqual([rule]);
  // Since 1.2 a system's step may be answered, too.
  expect(await rulesOf((row) => (row.steps[0].observation = { results: [{ content: "reset" }] }))).toEqual([]);
});

test("a trajectory of native calls offers its functions in OpenAI's shape, and its observations name their calls", async () => {
  await using folder = await scratchFolder();
  const { path } = await atifExporter().write(streamOf([calling("a", "call_1")]), folder.at("atif.jsonl"));
  const row = JSON.parse(await readFile(path, "utf8"));
  expect(row.agent.tool_definitions).toEqual([{ type: "function", function: pythonTool }]);
  expect(row.steps[2]).toMatchObject({
    tool_calls: [{ tool_call_id: "call_1", function_name: "python", arguments: { code: "print(df.head())" } }],
    observation: { results: [{ source_call_id: "call_1", content: "a table" }] },
  });
  expect(await atifExporter().check(path)).toEqual([]);
});
