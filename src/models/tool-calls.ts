import { z } from "zod";
import { sha256 } from "../domain/hash.ts";
import type { ToolCall } from "../domain/trajectory.ts";

const called = z.object({ name: z.string(), arguments: z.unknown().optional() });

/** The fields of a message that hold tool calls; lenient, as servers differ. `function_call` is the older form of one call. */
export const toolCallFields = {
  tool_calls: z.array(z.object({ id: z.string().nullish().catch(null), function: called })).nullish(),
  function_call: called.nullish().catch(null),
};

/**
 * The calls in order. A call without an id gets one of nine letters and digits (Mistral takes no other length), made from `seed` and its
 * place, so that the same body gives the same ids. Arguments that came as an object are written as Python's json.dumps writes them.
 */
export function toolCallsOf(message: z.output<z.ZodObject<typeof toolCallFields>>, seed: string): ToolCall[] {
  const { tool_calls, function_call } = message;
  const calls =
    tool_calls !== null && tool_calls !== undefined && tool_calls.length > 0
      ? tool_calls.map(({ id, function: one }) => ({ id, ...one }))
      : function_call
        ? [{ id: null, ...function_call }]
        : [];
  return calls.map(({ id, name, arguments: given }, place) => ({
    id: id || generatedId(seed, place),
    name,
    arguments: argumentsText(given),
  }));
}

/** An id for a call that came without one. */
export function generatedId(seed: string, place: number): string {
  return sha256(`${place} ${seed}`).slice(0, 9);
}

function argumentsText(given: unknown): string {
  if (typeof given === "string") return given;
  return given === undefined || given === null ? "{}" : pythonJson(given);
}

/** JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it: `", "` and `": "`, which chat templates write too. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${pythonJson(member)}`);
  return `{${members.join(", ")}}`;
}
