import { type ZodType, z } from "zod";
import type { ChatRequest, Completion, Model } from "../contracts.ts";
import { RejectionError } from "../domain/errors.ts";
import { jsonInReply } from "../domain/reply-json.ts";
import type { Message } from "../domain/trajectory.ts";
import { strictJsonSchema } from "./json-schema.ts";
import { repairJson } from "./repair-json.ts";

/** An answer as read, with the names of what was mended; or what is wrong with it, in words for who wrote it. */
export type ReadJson<T> = { readonly value: T; readonly repairs: readonly string[] } | { readonly problem: string };

/** How JSON is asked for. */
export interface AskForJson<T> {
  readonly model: Model;
  readonly messages: readonly Message[];
  /** What the JSON is, in snake_case; the schema's name on the wire. */
  readonly name: string;
  /** What the model is asked to write; travels as `strictJsonSchema` where the endpoint takes one. */
  readonly schema: ZodType<T>;
  /** Reads an answer by rules of its own; by the schema, leniently, unless given. */
  readonly read?: (text: string) => ReadJson<T>;
  /** What is said to the model after a problem. */
  readonly again?: (problem: string) => string;
  readonly sample: number;
  readonly signal: AbortSignal;
  /** How often an answer that cannot be read is asked for again, in the same conversation. */
  readonly maxRepairs?: number;
}

/**
 * How asking ended. `repairs` says by name what was done until `value` could be read, in order: `asked_again: <problem>`,
 * `raised_token_limit: 1024 -> 2048`, and those of the reading (`cut_from_fence`, `cut_from_prose`, `jsonrepair`). Where nothing could be
 * read, `problems` are those of the answers, in order, and `tokenLimit` is the one that cut the last of them off, where that is the cause.
 * `completions` are all that were received, in order; the last was read.
 */
export type AskedJson<T> =
  | { readonly value: T; readonly repairs: readonly string[]; readonly completions: readonly Completion[] }
  | {
      readonly problems: readonly string[];
      readonly tokenLimit: number | null;
      readonly completions: readonly Completion[];
    };

/**
 * Asks a model for JSON: leniently read, then checked, then asked for again in the same conversation, so often and no more. An answer that the
 * token limit cut off is asked for again with twice the limit, up to the model's `tokenLimit.most`: that is no repair the model is told of.
 * What a model only thought is never read. @throws what `model.complete` throws; a raised limit that no longer fits is no rejection.
 */
export async function askForJson<T>(options: AskForJson<T>): Promise<AskedJson<T>> {
  const { model, name, schema, sample, signal, maxRepairs = 1 } = options;
  const { read = readAs(schema), again = askAgain } = options;
  const jsonSchema = { name, schema: strictJsonSchema(schema) };
  const repairs: string[] = [];
  const problems: string[] = [];
  const completions: Completion[] = [];
  let messages = options.messages;
  let maxTokens: number | null = null;

  for (;;) {
    const request: ChatRequest = { messages, jsonSchema, ...(maxTokens === null ? {} : { maxTokens }) };
    const completion = await completeUnlessTooLong(request);
    if (completion === null) return { problems, tokenLimit: maxTokens, completions };
    completions.push(completion);
    const found = wholly(read(completion.text), completion);
    if (!("problem" in found)) return { value: found.value, repairs: [...repairs, ...found.repairs], completions };
    const { tokenLimit = null } = model;
    if (completion.finishReason === "length" && tokenLimit !== null) {
      const limit: number = maxTokens ?? tokenLimit.usual;
      if (limit >= tokenLimit.most) {
        problems.push(`${found.problem}, at the limit of ${limit} tokens`);
        return { problems, tokenLimit: limit, completions };
      }
      maxTokens = Math.min(2 * limit, tokenLimit.most);
      repairs.push(`raised_token_limit: ${limit} -> ${maxTokens}`);
      continue;
    }
    problems.push(found.problem);
    if (problems.length > maxRepairs) return { problems, tokenLimit: null, completions };
    repairs.push(`asked_again: ${found.problem}`);
    messages = [
      ...messages,
      { role: "assistant", content: completion.text.trim() === "" ? "(nothing)" : completion.text },
      { role: "user", content: again(found.problem) },
    ];
  }

  /** Null where only the raised limit makes the request longer than the model takes: nobody's item is at fault for that. */
  async function completeUnlessTooLong(request: ChatRequest): Promise<Completion | null> {
    try {
      return await model.complete(request, { sample, signal });
    } catch (error) {
      if (maxTokens === null || !(error instanceof RejectionError) || error.code !== "context_overflow") throw error;
      problems.push(
        `it was cut off, and with a limit of ${maxTokens} tokens the request is longer than the model takes`,
      );
      return null;
    }
  }
}

/** What was cut off and mended may end in half a number: only what was whole is believed. */
function wholly<T>(found: ReadJson<T>, { text, reasoning, finishReason }: Completion): ReadJson<T> {
  if (finishReason === "length") {
    if ("problem" in found) return { problem: `it was cut off (${found.problem})` };
    return found.repairs.includes("jsonrepair") ? { problem: "it was cut off" } : found;
  }
  const onlyThought = text.trim() === "" && reasoning !== null && reasoning.trim() !== "";
  if ("problem" in found && onlyThought)
    return { problem: `${found.problem}: the answer is empty, all was said while thinking` };
  return found;
}

/** Reads the JSON of an answer, in a fence, in prose or slightly broken, by a schema. */
function readAs<T>(schema: ZodType<T>): (text: string) => ReadJson<T> {
  return (text) => {
    let nearest: string | null = null;
    const found = jsonInReply<{ read: T }>(text.slice(0, maxReplyChars), {
      openings: ["{", "["],
      accept(value) {
        const parsed = schema.safeParse(value);
        if (parsed.success) return { read: parsed.data };
        if (value !== undefined) nearest ??= z.prettifyError(parsed.error);
        return null;
      },
      repair: repairJson,
    });
    if (found !== null) return { value: found.value.read, repairs: found.repairs };
    return { problem: nearest === null ? "it holds no JSON" : `it does not have the shape asked for (${nearest})` };
  };
}

const maxReplyChars = 200_000;

function askAgain(problem: string): string {
  return `Your answer could not be used: ${problem}. Return it again as one JSON value of the shape that was asked for, and nothing else.`;
}
