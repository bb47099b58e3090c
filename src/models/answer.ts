import { z } from "zod";
import { finishReasons, type ToolCall, toolCall, usage as usageSchema } from "../domain/trajectory.ts";
import { finishReasonOf, isInterrupted } from "./finish-reason.ts";
import { readHarmony } from "./harmony.ts";
import { contentPart, reasoningFields, reasoningIn, splitParts, splitThought } from "./reasoning.ts";
import { TransientError } from "./retry.ts";
import { generatedId, toolCallFields, toolCallsOf } from "./tool-calls.ts";

/** Bump when the same request would be stored differently. */
export const completionVersion = 1;

/** What is remembered of a completion. Cost is left out: it follows from usage and the price of today's config. */
export const answer = z.strictObject({
  text: z.string(),
  reasoning: z.string().nullable(),
  finishReason: z.enum(finishReasons),
  usage: usageSchema.omit({ costUsd: true }),
  /** The refusal's own words, where the endpoint sends them apart from the text. */
  refusal: z.string().nullable(),
  /** The model name the endpoint says answered. */
  servedModel: z.string().nullable(),
  /** Native tool calls in order; absent where there are none. */
  toolCalls: z.array(toolCall).exactOptional(),
});
export type Answer = z.infer<typeof answer>;

/** An endpoint put an error into a body with status 200. */
export class ErrorInBody extends Error {
  override readonly name = "ErrorInBody";
  readonly error: unknown;
  constructor(error: unknown) {
    super("Expected a completion, got an error object with status 200");
    this.error = error;
  }
}

const count = z.number().nonnegative();
const optionalCount = count.nullish().catch(null);

// Lenient: only what is read is named, and what is not needed may be missing or of another type.
const providerUsage = z.object({
  prompt_tokens: count,
  completion_tokens: optionalCount,
  total_tokens: optionalCount,
  prompt_tokens_details: z.object({ cached_tokens: optionalCount }).nullish().catch(null),
  prompt_cache_hit_tokens: optionalCount,
  completion_tokens_details: z.object({ reasoning_tokens: optionalCount }).nullish().catch(null),
  reasoning_tokens: optionalCount,
});

const providerMessage = z.object({
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  ...reasoningFields,
  refusal: z.string().nullish().catch(null),
  ...toolCallFields,
});
const providerAnswer = z.object({
  choices: z
    .array(
      z.object({
        message: providerMessage,
        finish_reason: z.string(),
        native_finish_reason: z.string().nullish().catch(null),
        error: z.unknown().optional(),
      }),
    )
    .min(1),
  usage: providerUsage.nullish().catch(null),
  model: z.string().nullish().catch(null),
});

/**
 * Reads the body of a 200 answer to a chat request. Where the endpoint reports no usage that can be read, it is zero and `estimated`: somebody
 * else has to estimate it. @throws {TransientError} when it is no complete chat completion. @throws {ErrorInBody}
 */
export function readAnswer(body: string): Answer {
  const parsed = providerAnswer.safeParse(parseBody(body));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TransientError(
      `not a chat completion (\`${issue?.path.join(".")}\`: ${issue?.message}); it begins ${excerpt(body)}`,
    );
  }
  const choice = parsed.data.choices[0];
  if (choice === undefined) throw new TransientError("no choices in the answer");
  // A router reports what broke upstream beside what had come by then, which may have been charged: no status says that it was not.
  if (choice.error) throw new TransientError(`an answer cut short by the provider (${wordsOf(choice.error)})`);
  if (isInterrupted(choice.finish_reason)) {
    throw new TransientError(`an answer cut short by the provider (finish_reason \`${choice.finish_reason}\`)`);
  }
  const { text, reasoning, refusal, toolCalls } = saidIn(choice.message, body);
  return {
    text,
    reasoning,
    finishReason:
      refusal === null ? finishReasonOf(choice.finish_reason, choice.native_finish_reason ?? null) : "refusal",
    usage: usageOf(parsed.data.usage),
    refusal,
    servedModel: parsed.data.model ?? null,
    ...(toolCalls.length === 0 ? {} : { toolCalls: [...toolCalls] }),
  };
}

function wordsOf(error: unknown): string {
  const parsed = z.object({ message: z.string() }).safeParse(error);
  return parsed.success ? parsed.data.message : excerpt(JSON.stringify(error));
}

interface Said {
  readonly text: string;
  readonly reasoning: string | null;
  readonly refusal: string | null;
  readonly toolCalls: readonly ToolCall[];
}

/** What a message says, wherever its server puts it. `body` makes the ids of calls that came without one. */
function saidIn(message: z.infer<typeof providerMessage>, body: string): Said {
  const parts = Array.isArray(message.content) ? message.content : [];
  const spread = splitParts(parts);
  const content = typeof message.content === "string" ? message.content : spread.text;
  const harmony = readHarmony(content);
  const { text, thought } = harmony ?? splitThought(content);
  const toolCalls = toolCallsOf(message, body);
  const leaked = harmony?.calls ?? [];
  return {
    text,
    // An empty block of thinking is "", as it always was; no block is null.
    reasoning: reasoningIn(message) ?? (spread.thought === "" ? thought : spread.thought),
    refusal: message.refusal || parts.map((part) => part.refusal ?? "").join("") || null,
    toolCalls:
      toolCalls.length > 0 ? toolCalls : leaked.map((call, place) => ({ id: generatedId(body, place), ...call })),
  };
}

function parseBody(body: string): unknown {
  if (isHtml(body)) throw new TransientError("an HTML page instead of JSON, with status 200");
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new TransientError(
      `a body of ${body.length} characters that is not JSON (cut off?); it begins ${excerpt(body)}`,
      { cause },
    );
  }
  if (typeof json === "object" && json !== null && "error" in json && json.error && !("choices" in json)) {
    throw new ErrorInBody(json);
  }
  return json;
}

/** Whether a body is a web page: a proxy's error, a login form, a wrong address. */
export function isHtml(body: string): boolean {
  return /^\s*<(!doctype|html|head|body)/i.test(body);
}

/** The beginning of a body, for messages. */
export function excerpt(body: string): string {
  const begin = body.trimStart().slice(0, 120).replaceAll(/\s+/g, " ");
  return `\`${begin}${body.length > 120 ? "…" : ""}\``;
}

/**
 * The usage as OpenAI counts it, reasoning within the output. Some endpoints count thinking beside the output (xAI), or only in the total (Gemini);
 * it is billed as output all the same, so the total decides.
 */
function usageOf(usage: z.infer<typeof providerUsage> | null | undefined): Answer["usage"] {
  const { prompt_tokens: input = null, completion_tokens: output = null, total_tokens: total = null } = usage ?? {};
  const written = output ?? (input !== null && total !== null && total >= input ? total - input : null);
  if (!usage || input === null || written === null) {
    return { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, estimated: true };
  }
  const cached = usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? 0;
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? usage.reasoning_tokens ?? 0;
  const beside = Math.max(0, (total ?? 0) - input - written);
  // What was read from a cache may be counted beside the input in the same way.
  const isCached = beside > 0 && beside === cached && beside !== reasoning;
  return {
    inputTokens: Math.round(input + (isCached ? beside : 0)),
    cachedInputTokens: Math.round(cached),
    outputTokens: Math.round(written + (isCached ? 0 : beside)),
    reasoningTokens: Math.round(isCached ? reasoning : Math.max(reasoning, beside)),
    estimated: false,
  };
}
