// One teacher in three forms: what it says and how it errs depend on the conversation, never on the form it is held in.
import { describe, expect, test } from "vitest";
import { codeAct } from "../../src/agents/code-act.ts";
import { scaffolds } from "../../src/agents/index.ts";
import { parseProposals } from "../../src/agents/proposal.ts";
import { react } from "../../src/agents/react.ts";
import { tools } from "../../src/agents/tools.ts";
import type { Scaffold } from "../../src/contracts.ts";
import type { Message } from "../../src/domain/trajectory.ts";
import { wireTool } from "../../src/domain/wire-calls.ts";
import { recordText } from "../../src/judges/record.ts";
import { answerChat } from "../../src/models/offline-teacher/answer-chat.ts";
import type { ErrorKind, ErrorRates } from "../../src/models/offline-teacher/conversation.ts";
import { recordInOwnForm } from "../../src/models/offline-teacher/dialects.ts";
import { wireMessage } from "../../src/models/wire-message.ts";
import {
  carsProfile,
  lookOutput,
  onlyErrors,
  prompt,
  recordMessages,
  seedMessages,
  skewnessQuestion,
  taskMessages,
} from "./offline-teacher-fixture.ts";

const keyError = "Traceback (most recent call last):\n  File \"<step>\", line 1\nKeyError: 'horsepower'";

function outputOf(code: string): string {
  if (code.includes('df["horsepower"]')) return keyError;
  if (code.startsWith("import numpy") && !code.includes("skewness = ")) return lookOutput;
  return code.includes("skewness = ") ? "skewness = 1.09" : "n 400 m2 1481.5 m3 62000.1";
}

/** What the proposer's code prints: its look, the sizes of groups, and an answer for every program. */
function explored(code: string): string {
  const programs = [...code.matchAll(/check\("q(\d+)"/g)].map(([, number]) => `q${number}=@value[1.5]`);
  return [
    'column ["/data/cars.json", "Horsepower"] float64 numbers 400 missing 6',
    'groups ["/data/cars.json", "Origin"] {"USA": 254, "Japan": 79, "Europe": 73}',
    ...programs,
  ].join("\n");
}

/** Scaffolds that read fences take one away around an answer; in tags it stays. */
function unfenced(action: string): string {
  return action.replace(/^(answer )```(?:json)?\n([\s\S]*)\n```$/, "$1$2");
}

/** A conversation as the scaffold holds it, its requests as they go over the wire, up to the answer or 10 messages. */
function converse(
  scaffold: Scaffold,
  user: string,
  folder: "agent" | "propose",
  seed: number,
  rates: ErrorRates,
  print = outputOf,
) {
  const system = prompt(`${folder}/${scaffold.name}.md`, { max_turns: 10 });
  const messages: Message[] = scaffold.open({ system, user });
  const actions: string[] = [];
  const planted: string[] = [];
  for (let left = 9; left >= 0; left--) {
    const body = {
      messages: messages.map((message) => wireMessage(message, { sendsReasoning: "none", toolCallExtra: {} })),
      seed,
      stop: scaffold.stop,
      ...(scaffold.tools ? { tools: scaffold.tools.map(wireTool) } : {}),
    };
    const made = answerChat(JSON.stringify(body), rates);
    planted.push(...made.planted.map(({ kind, subject, detail }) => [kind, subject, detail].join(" ")));
    const [choice] = made.completion.choices;
    if (choice === undefined) throw new Error("Expected a choice");
    const { content, tool_calls: calls = [] } = choice.message;
    const { action, message } = scaffold.parse({
      text: content ?? "",
      finishReason: choice.finish_reason,
      toolCalls: calls.map(({ id, function: called }) => ({ id, ...called })),
    });
    messages.push(message);
    actions.push(
      action.kind === "code"
        ? action.code.trim()
        : action.kind === "answer"
          ? `answer ${action.answer.trim()}`
          : "invalid",
    );
    if (action.kind === "answer") break;
    messages.push(
      action.kind === "code"
        ? scaffold.observe(print(action.code), left, message)
        : scaffold.nudge(action.why, left, message),
    );
  }
  return { messages, actions, planted };
}

const task = taskMessages("/data/cars.json", skewnessQuestion)[1]?.content ?? "";

test("the list of scaffolds is the one that is tested", () => {
  expect(scaffolds.map(({ name }) => name).sort()).toEqual([react, tools, codeAct].map(({ name }) => name).sort());
});

describe.each([tools, codeAct])("in the form of $name", (scaffold) => {
  const kinds: readonly (ErrorKind | null)[] = [
    null,
    "wrong_column",
    "forgotten_constraint",
    "exception_repaired",
    "hallucinated",
    "no_answer",
    "wrong_format",
    "early_stop",
    "rounding_slip",
    "too_much_output",
  ];

  test.each(kinds)("it runs the same code, answers the same and errs the same as in tags (%s)", (kind) => {
    const rates = onlyErrors(kind === null ? {} : { [kind]: 1 });
    for (const seed of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const own = converse(react, task, "agent", seed, rates);
      const other = converse(scaffold, task, "agent", seed, rates);
      expect(other.actions).toEqual(own.actions.map(unfenced));
      expect(other.planted).toEqual(own.planted);
      if (kind === null) expect(own.actions.at(-1)).toBe("answer @skewness[1.09]");
      else if (kind !== "early_stop") expect(own.planted.length).toBeGreaterThan(0);
    }
  });

  test("a judge is shown the same work: the review of its record is the same", () => {
    for (const kind of [null, "exception_repaired", "hallucinated"] as const) {
      const rates = onlyErrors(kind === null ? {} : { [kind]: 1 });
      const scores = [react, scaffold].map((one) => {
        const { messages } = converse(one, task, "agent", 1, rates);
        const trajectory = { messages, turns: [{ message: 2 }] } as unknown as Parameters<typeof recordText>[0];
        const record = recordText(trajectory, 60_000);
        const review = answerChat(
          JSON.stringify({ messages: recordMessages(task, record), response_format: { type: "json_object" } }),
          onlyErrors(),
        );
        const { criteria } = JSON.parse(review.completion.choices[0]?.message.content ?? "");
        // What is not the record's: a judge draws its jitter from the whole message.
        return criteria.map(
          ({ name, justification, score }: { name: string; justification: string; score: number }) => [
            name,
            justification,
            Math.abs(score) > 0.5,
          ],
        );
      });
      expect(scores[1]).toEqual(scores[0]);
    }
  });

  test("a proposer explores and proposes the same questions", () => {
    const user = seedMessages(carsProfile, 6)[1]?.content ?? "";
    const own = converse(react, user, "propose", 1, onlyErrors(), explored);
    expect(own.actions.at(-1)).toContain('"reference_answer"');
    expect(converse(scaffold, user, "propose", 1, onlyErrors(), explored).actions.map(unfenced)).toEqual(
      own.actions.map(unfenced),
    );
  });
});

test("a proposer's final answer takes the shape of a schema that wraps its list", () => {
  const user = seedMessages(carsProfile, 6)[1]?.content ?? "";
  const { messages, actions } = converse(tools, user, "propose", 1, onlyErrors(), explored);
  const keys = ["question", "constraints", "answer_format", "reference_code", "reference_answer", "difficulty"];
  const item = {
    type: "object",
    properties: Object.fromEntries(keys.map((key) => [key, { type: "string" }])),
    required: keys,
    additionalProperties: false,
  };
  const schema = {
    type: "object",
    properties: { questions: { type: "array", items: item } },
    required: ["questions"],
    additionalProperties: false,
  };
  const body = {
    messages: messages
      .slice(0, -1)
      .map((message) => wireMessage(message, { sendsReasoning: "none", toolCallExtra: {} })),
    seed: 1,
  };
  const python = (tools.tools ?? []).map(wireTool);
  const form = { type: "function", function: { name: "propose", parameters: schema } };
  const asText = answerChat(
    JSON.stringify({
      ...body,
      tools: python,
      response_format: { type: "json_schema", json_schema: { name: "questions", schema } },
    }),
    onlyErrors(),
  );
  const asCall = answerChat(
    JSON.stringify({
      ...body,
      tools: [...python, form],
      tool_choice: { type: "function", function: { name: "propose" } },
    }),
    onlyErrors(),
  );
  const text = asText.completion.choices[0]?.message.content ?? "";
  expect(asCall.completion.choices[0]?.message.tool_calls?.[0]?.function).toEqual({ name: "propose", arguments: text });
  const proposed = parseProposals(JSON.stringify(JSON.parse(text).questions));
  expect(proposed.problems).toEqual([]);
  expect(proposed.proposals.length).toBeGreaterThan(0);
  expect(proposed).toEqual(parseProposals(actions.at(-1)?.replace(/^answer /, "") ?? ""));
});

test("a record in tags is left to the byte, whatever else it says", () => {
  const record =
    "[assistant]\n<python>\nx\n</python>\n\n[user]\n<information>\nOutput of the code:\n```python\n</information>";
  expect(recordInOwnForm(record)).toBe(record);
});
