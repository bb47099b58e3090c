// The form in which a request wants its answer: a text in the conversation's dialect, a call, or JSON of a shape.
import {
  type Action,
  asText,
  type Dialect,
  dialectOf,
  pythonTool,
  readOwn,
  type WireMessage,
  wantsCalls,
} from "./dialects.ts";
import { type AskedShape, jsonAnswer } from "./json-answer.ts";
import { type ChatBody, RefusedRequest } from "./request.ts";

/** One answer as it goes out. */
export interface Said {
  readonly content: string | null;
  readonly call: { readonly name: string; readonly arguments: string } | null;
}

/** How a request wants to be answered. */
export interface Form {
  readonly dialect: Dialect;
  /** Functions that may be called. */
  readonly offered: readonly { readonly name: string; readonly schema: Readonly<Record<string, unknown>> }[];
  /** An answer has to be a call. */
  readonly mustCall: boolean;
  readonly json: "none" | "object" | AskedShape;
}

/** Reads how a request wants to be answered. @throws {RefusedRequest} where its prompt wants calls and none can be made. */
export function formOf(request: ChatBody, messages: readonly WireMessage[]): Form {
  const tools = (request.tools ?? []).map(({ function: { name, parameters } }) => ({ name, schema: parameters ?? {} }));
  const choice = request.tool_choice ?? "auto";
  const offered =
    typeof choice === "object"
      ? tools.filter(({ name }) => name === choice.function.name)
      : choice === "none"
        ? []
        : tools;
  const known = tools.some(({ name }) => name === pythonTool);
  if (!known && wantsCalls(messages)) {
    throw new RefusedRequest("Expected the function `python` in `tools`: the system prompt says to call it.", {
      param: "tools",
    });
  }
  const format = request.response_format;
  return {
    dialect: dialectOf(messages, known),
    offered,
    mustCall: typeof choice === "object" || choice === "required",
    json:
      format?.type === "json_schema"
        ? { schema: format.json_schema.schema, param: "response_format" }
        : format?.type === "json_object"
          ? "object"
          : "none",
  };
}

/** Whether the answer is going to be JSON and nothing around it. */
export function wantsBareJson({ json, mustCall }: Form): boolean {
  return json !== "none" || mustCall;
}

/** Whether the answer has to satisfy a schema. */
export function wantsShape({ json, mustCall }: Form): boolean {
  return typeof json === "object" || mustCall;
}

/** A message in the teacher's own form, in the form asked for. @throws {RefusedRequest} where that cannot be. */
export function inForm(own: string, form: Form): Said {
  const action = readOwn(own);
  if (action.kind === "code") return saidCode(action, form, own);
  if (form.mustCall) return { content: null, call: callWith(action, form) };
  if (form.json === "none") {
    return { content: inDialect(action, own, form), call: null };
  }
  const json = jsonAnswer(action, form.json === "object" ? null : form.json);
  if (json === null) throw unmet("response_format");
  return { content: json, call: null };
}

/** Tags as they are, to the byte: an answer in them has always been the same. */
function inDialect(action: Action, own: string, { dialect }: Form): string {
  return dialect === "react" ? own : asText(action);
}

function saidCode(action: Extract<Action, { kind: "code" }>, form: Form, own: string): Said {
  if (form.offered.some(({ name }) => name === pythonTool)) {
    return {
      content: action.think === "" ? null : action.think,
      call: { name: pythonTool, arguments: JSON.stringify({ code: action.code }) },
    };
  }
  if (wantsBareJson(form)) {
    throw new RefusedRequest(
      "The offline teacher has to run code before it can answer here, and was asked for JSON alone: expected the function `python` in `tools`, free to be called.",
      { param: form.mustCall ? "tool_choice" : "response_format", code: "unsupported_value" },
    );
  }
  if (form.dialect !== "tools") return { content: inDialect(action, own, form), call: null };
  const unable = {
    kind: "answer",
    think: "I may not run code in this message.",
    answer: "I could not compute an answer.",
  } as const;
  return { content: asText(unable), call: null };
}

/** The answer as the arguments of a function that takes JSON of its shape. */
function callWith(action: Exclude<Action, { kind: "code" }>, { offered }: Form): { name: string; arguments: string } {
  for (const { name, schema } of offered.filter((one) => one.name !== pythonTool)) {
    const json = jsonAnswer(action, { schema, param: "tools" });
    if (json !== null) return { name, arguments: json };
  }
  throw unmet("tool_choice");
}

function unmet(param: "response_format" | "tool_choice"): RefusedRequest {
  return new RefusedRequest(
    param === "tool_choice"
      ? "The offline teacher, a program and not an LLM, has an answer here that no function among those it must call can take: expected `tool_choice` `auto`, or a function with the shape of its answer."
      : "The offline teacher, a program and not an LLM, cannot meet this schema: its answer has another shape.",
    { param, code: "unsupported_value" },
  );
}
