// A chat completion as OpenAI writes it, whole and as the chunks of a stream.
import { hashOf } from "../../domain/hash.ts";
import type { WireCall } from "../../domain/wire-calls.ts";
import type { WireMessage } from "./dialects.ts";
import type { Said } from "./form.ts";
import type { ChatBody } from "./request.ts";
import { teacherModel, teacherVersion } from "./teacher.ts";

type FinishReason = "stop" | "length" | "tool_calls";
interface Choice {
  readonly index: number;
  readonly message: {
    readonly role: "assistant";
    readonly content: string | null;
    readonly refusal: null;
    readonly tool_calls?: readonly WireCall[];
  };
  readonly logprobs: null;
  readonly finish_reason: FinishReason;
}

/** What goes out for a request that is not streamed. */
export type Completion = ReturnType<typeof completionOf>;

/** The completion of one choice for each of `answers`. Ids are made from the request: the same body gives the same bytes. */
export function completionOf(
  json: unknown,
  request: ChatBody,
  messages: readonly WireMessage[],
  answers: readonly Said[],
) {
  const hash = hashOf(unstreamed(json));
  const choices = answers.map((said, index) => choiceOf(said, index, request, hash));
  const prompt =
    messages.reduce(
      (sum, { content, calls }) => sum + tokens([content, ...calls.map((call) => call.arguments)].join("")) + 4,
      0,
    ) + (request.tools == null ? 0 : tokens(JSON.stringify(request.tools)));
  const written = choices.reduce(
    (sum, { message }) =>
      sum +
      tokens(message.content ?? "") +
      (message.tool_calls ?? []).reduce((all, call) => all + tokens(call.function.arguments), 0),
    0,
  );
  return {
    id: `chatcmpl-${hash.slice(0, 24)}`,
    object: "chat.completion" as const,
    created: 0,
    model: teacherModel,
    system_fingerprint: `tracemill-offline-teacher-${teacherVersion} (a program, not an LLM)`,
    choices,
    usage: {
      prompt_tokens: prompt,
      completion_tokens: written,
      total_tokens: prompt + written,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
      counted: "one token for four characters: there is no tokenizer here",
    },
  };
}

/** A stream is the same answer in pieces, so its ids are the same too. */
function unstreamed(json: unknown): object {
  const { stream: _, stream_options: __, ...rest } = json as Record<string, unknown>;
  return rest;
}

function choiceOf({ content, call }: Said, index: number, request: ChatBody, hash: string): Choice {
  const stops = request.stop == null ? [] : [request.stop].flat().filter((stop) => stop !== "");
  const cuts = stops.map((stop) => (content ?? "").indexOf(stop)).filter((at) => at >= 0);
  const stopped = cuts.length > 0;
  const text = stopped ? (content ?? "").slice(0, Math.min(...cuts)) : content;
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const said = cut(text ?? "", limit);
  const length = said.length < (text ?? "").length;
  const shared = { role: "assistant", content: text === null ? null : said, refusal: null } as const;
  // What stands after a stop, or after the last token, was never said.
  if (call === null || stopped || length) {
    return { index, message: shared, logprobs: null, finish_reason: length ? "length" : "stop" };
  }
  const written = cut(call.arguments, limit - tokens(said));
  const called: WireCall = {
    id: `call_${hashOf([hash, index]).slice(0, 24)}`,
    type: "function",
    function: { name: call.name, arguments: written },
  };
  return {
    index,
    message: { ...shared, tool_calls: [called] },
    logprobs: null,
    finish_reason: written.length < call.arguments.length ? "length" : "tool_calls",
  };
}

/** A token is four characters. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}

function cut(text: string, limit: number): string {
  return tokens(text) > limit ? text.slice(0, Math.max(0, limit) * 4) : text;
}

/** The chunks of a stream that add up to a completion: a role, texts and arguments in pieces, the reason of the end, and usage where it is asked for. */
export function* chunksOf({ choices, usage, ...completion }: Completion, includeUsage: boolean): Generator<object> {
  const shared = { ...completion, object: "chat.completion.chunk" };
  const chunk = (index: number, delta: object, finish: FinishReason | null = null) => ({
    ...shared,
    choices: [{ index, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage ? { usage: null } : {}),
  });
  for (const { index, message, finish_reason: reason } of choices) {
    const { role, content, tool_calls: calls = [] } = message;
    yield chunk(index, { role, content: content === null ? null : "", refusal: null });
    for (const piece of pieces(content ?? "")) yield chunk(index, { content: piece });
    for (const [place, { id, type, function: called }] of calls.entries()) {
      yield chunk(index, { tool_calls: [{ index: place, id, type, function: { name: called.name, arguments: "" } }] });
      for (const piece of pieces(called.arguments)) {
        yield chunk(index, { tool_calls: [{ index: place, function: { arguments: piece } }] });
      }
    }
    yield chunk(index, {}, reason);
  }
  if (includeUsage) yield { ...shared, choices: [], usage };
}

/** A text in pieces of about a dozen characters, no character torn apart. */
function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,12}/gu) ?? [];
}
