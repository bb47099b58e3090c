import type { Message } from "../domain/trajectory.ts";

/**
 * A message whose call has an id that no earlier call has: endpoints send empty ones, or the same in every message, and neither endpoints nor
 * training formats take two alike. `renamed` names that change.
 */
export function withOwnCallId(
  message: Message,
  earlier: readonly Message[],
): { readonly message: Message; readonly renamed: readonly string[] } {
  const { toolCalls } = message;
  if (toolCalls === undefined) return { message, renamed: [] };
  const taken = new Set(earlier.flatMap((one) => (one.toolCalls ?? []).map(({ id }) => id)));
  const own = toolCalls.map((call) => {
    let { id } = call;
    for (let number = taken.size + 1; id.trim() === "" || taken.has(id); number++) id = `call_${number}`;
    taken.add(id);
    return { ...call, id };
  });
  const changed = own.some(({ id }, index) => id !== toolCalls[index]?.id);
  return { message: changed ? { ...message, toolCalls: own } : message, renamed: changed ? ["name_call"] : [] };
}
