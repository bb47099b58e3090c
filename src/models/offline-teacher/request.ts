// A chat-completions request as OpenAI writes it, and the refusals of what the offline teacher cannot do. Unknown fields are ignored.
import { z } from "zod";
import type { WireMessage } from "./dialects.ts";

/** A request that is refused, in OpenAI's shape: `param` is the field, `code` a word for programs. */
export class RefusedRequest extends Error {
  override readonly name = "RefusedRequest";
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  constructor(
    message: string,
    { status = 400, param = null, code = null }: { status?: number; param?: string | null; code?: string | null } = {},
  ) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

const content = z.union(
  [z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))],
  "Expected text, or a list of parts of type `text`: the offline teacher sees no pictures and hears no sound",
);
const message = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: content.nullish(),
  tool_calls: z
    .array(
      z.object({
        id: z.string(),
        type: z.literal("function").optional(),
        function: z.object({ name: z.string(), arguments: z.string() }),
      }),
    )
    .nullish(),
  tool_call_id: z.string().nullish(),
});
const schemaObject = z.record(z.string(), z.unknown());
const functionTool = z.object({
  type: z.literal("function", "Expected a tool of type `function`"),
  function: z.object({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "Expected a name of 1 to 64 letters, digits, _ and -"),
    parameters: schemaObject.nullish(),
  }),
});
const responseFormat = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    z.object({
      type: z.literal("json_schema"),
      json_schema: z.object({ name: z.string(), schema: schemaObject, strict: z.boolean().nullish() }),
    }),
  ],
  "Expected a type among text, json_object, json_schema",
);
const count = z.number().int().positive();
const body = z.object({
  model: z.string().optional(),
  messages: z.array(message).min(1),
  seed: z.number().int().nullish(),
  n: count.max(16).nullish(),
  stop: z.union([z.string(), z.array(z.string())], "Expected a string or a list of strings").nullish(),
  max_tokens: count.nullish(),
  max_completion_tokens: count.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  response_format: responseFormat.nullish(),
  tools: z.array(functionTool).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(["auto", "none", "required"]),
        z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
      ],
      "Expected `auto`, `none`, `required` or a function's name as { type: function, function: { name } }",
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().nullish(),
  functions: z.unknown().optional(),
});

/** A request that can be answered, as far as its form goes. */
export type ChatBody = z.output<typeof body>;

/** Reads a body. @throws {RefusedRequest} naming the field. */
export function readBody(text: string): { readonly json: unknown; readonly request: ChatBody } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RefusedRequest(`Expected a JSON body, got ${error instanceof Error ? error.message : "something else"}`);
  }
  const parsed = body.safeParse(json);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path ?? [];
    throw new RefusedRequest(`Expected a chat-completions request: ${z.prettifyError(parsed.error)}`, {
      param: path.length === 0 ? null : path.reduce<string>(joined, ""),
      code: "invalid_value",
    });
  }
  checkAsked(parsed.data);
  return { json, request: parsed.data };
}

function joined(path: string, part: PropertyKey): string {
  return typeof part === "number" ? `${path}[${part}]` : path === "" ? String(part) : `${path}.${String(part)}`;
}

function checkAsked(request: ChatBody): void {
  const refuse = (message: string, param: string, code = "unsupported_parameter") => {
    throw new RefusedRequest(message, { param, code });
  };
  if (request.logprobs || request.top_logprobs) {
    const param = request.logprobs ? "logprobs" : "top_logprobs";
    refuse("Expected no `logprobs`: the offline teacher is a program, not an LLM, and has no probabilities.", param);
  }
  if (request.functions != null) {
    refuse("Expected `tools` instead of `functions`, the older form, which is not understood here.", "functions");
  }
  if (request.stream_options != null && !request.stream) {
    refuse("Expected `stream_options` only beside `stream: true`.", "stream_options", "invalid_value");
  }
  const names = (request.tools ?? []).map((tool) => tool.function.name);
  const choice = request.tool_choice ?? "auto";
  const named = typeof choice === "object" ? choice.function.name : null;
  if ((named !== null && !names.includes(named)) || (choice === "required" && names.length === 0)) {
    refuse(
      `Expected \`tool_choice\` to be met by one of \`tools\`, got \`${named ?? "required"}\` beside ${names.map((name) => `\`${name}\``).join(", ") || "none"}.`,
      "tool_choice",
      "invalid_value",
    );
  }
  checkCalls(request);
}

/** As strict as OpenAI: a call is answered at once, and nothing answers what was not called. */
function checkCalls({ messages }: ChatBody): void {
  let open: string[] = [];
  for (const [index, { role, tool_calls: calls, tool_call_id: id }] of messages.entries()) {
    const refuse = (message: string) => {
      throw new RefusedRequest(message, { param: `messages[${index}]`, code: "invalid_value" });
    };
    if (role === "tool") {
      if (id == null || !open.includes(id)) {
        refuse(
          `Expected a message of role \`tool\` to follow the call that it answers, got tool_call_id \`${id ?? "none"}\`.`,
        );
      }
      open = open.filter((one) => one !== id);
    } else {
      if (open.length > 0)
        refuse(`Expected an answer of role \`tool\` to the call \`${open[0]}\` before this message.`);
      open = (calls ?? []).map((call) => call.id);
    }
  }
  if (open.length > 0) {
    throw new RefusedRequest(`Expected an answer of role \`tool\` to the call \`${open[0]}\`.`, { param: "messages" });
  }
}

/** The messages, their texts joined. */
export function messagesOf({ messages }: ChatBody): WireMessage[] {
  return messages.map(({ role, content: said, tool_calls: calls }) => ({
    role,
    content: typeof said === "string" ? said : (said ?? []).map((part) => part.text).join(""),
    calls: (calls ?? []).map(({ id, function: called }) => ({ id, name: called.name, arguments: called.arguments })),
  }));
}
