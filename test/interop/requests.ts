// Request bodies that anybody can send with curl, made from the package's own prompts: what docs/requests holds.

import { tools } from "../../src/agents/tools.ts";
import { wireTool } from "../../src/domain/wire-calls.ts";
import { criteria } from "../../src/judges/criteria.ts";
import { reviewShape } from "../../src/judges/read-review.ts";
import { answerChat } from "../../src/models/offline-teacher/answer-chat.ts";
import { strictJsonSchema } from "../../src/prompts/json-schema.ts";
import { lookOutput, onlyErrors, prompt, skewnessQuestion, taskMessages } from "../unit/offline-teacher-fixture.ts";

const file = "/data/cars.json";
const react = taskMessages(file, skewnessQuestion);
const native = [{ role: "system", content: prompt("agent/tools.md", { max_turns: 10 }) }, ...react.slice(1)];
const names = criteria.map(({ name }) => name);

const record = `[assistant]
I look at the column.

Call of python:
print(round(df["Horsepower"].skew(), 2))

[tool]
1.1

[9 messages left]

[assistant]
<answer>
@skewness[1.10]
</answer>`;

/** The body of a plain question; the conversation begins. */
const chat = { model: "offline-teacher", seed: 1, messages: react, stop: ["</python>", "</answer>"] };

/** The same, as a stream that ends with its usage. */
const stream = { ...chat, stream: true, stream_options: { include_usage: true } };

/** The same question to a model that may call `python`. */
export const toolsRequest = {
  model: "offline-teacher",
  seed: 1,
  messages: native as readonly object[],
  tools: (tools.tools ?? []).map(wireTool),
  tool_choice: "auto",
  parallel_tool_calls: false,
};

/** The same, with a schema that the final answer has to satisfy. */
export const answerSchema = {
  type: "object",
  properties: { skewness: { type: "number", minimum: -10, maximum: 10 } },
  required: ["skewness"],
  additionalProperties: false,
};

/** A record to review, its review asked for as JSON of the judge's own schema. */
const schemaRequest = {
  model: "offline-teacher",
  seed: 1,
  messages: [
    {
      role: "system",
      content: prompt("judge/system.md", {
        criteria: criteria.map((one) => `- ${one.name}: ${one.description}`).join("\n"),
      }),
    },
    { role: "user", content: prompt("judge/record.md", { task: react[1]?.content ?? "", record }) },
  ],
  response_format: {
    type: "json_schema",
    json_schema: { name: "review", strict: true, schema: strictJsonSchema(reviewShape(names)) },
  },
};

/** What Python prints for code of the skewness question, as far as its answer depends on it. */
export function printed(code: string): string {
  if (code.includes("skewness = ")) return "skewness = 1.09";
  return code.includes("print(df.shape)") ? lookOutput : "n 400 m2 1481.5 m3 62000.1";
}

/** The conversation of `toolsRequest` with every call answered: what comes next is the answer. */
function worked(): object {
  const messages = [...toolsRequest.messages];
  for (let calls = 0; calls < 12; calls++) {
    const body = { ...toolsRequest, messages: [...messages] };
    const { completion } = answerChat(JSON.stringify(body), onlyErrors());
    const message = completion.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call === undefined) return body;
    const { code } = JSON.parse(call.function.arguments) as { code: string };
    const { refusal: _, ...said } = message;
    messages.push(said, { role: "tool", tool_call_id: call.id, content: printed(code) });
  }
  throw new Error("Expected an answer within 12 calls");
}

/** Every body of docs/requests, by the name of its file. */
export const requests: Readonly<Record<string, object>> = {
  chat,
  stream,
  tools: toolsRequest,
  "tools-answered": worked(),
  "json-schema": schemaRequest,
};
