// A line of chat JSON, and what the rules of both targets need to look at one.
import type { Example } from "../domain/example.ts";
import type { Message } from "../domain/trajectory.ts";
import { type WireCall, wireCall, wireTool } from "../domain/wire-calls.ts";

/** A broken rule within one line; `field` is a path like `messages[2].weight`. An error unless it says `warning`. */
export interface LineProblem {
  readonly rule: string;
  readonly field: string;
  readonly message: string;
  readonly severity?: "error" | "warning";
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** A message's calls as chat formats write them; null where it has none. */
export function wireCalls({ toolCalls = [] }: Pick<Message, "toolCalls">): WireCall[] | null {
  if (toolCalls.length === 0) return null;
  return toolCalls.map(wireCall);
}

/** An example's functions as chat formats write them; null where none were offered. */
export function wireTools({ tools = [] }: Pick<Example, "tools">): object[] | null {
  return tools.length === 0 ? null : tools.map(wireTool);
}

/** A value as JSON text; null stays null. */
export function jsonOf(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as an error message shows it: short JSON. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\``;
}

// Messages stand in a list in the line's object; the example's own weight, and a weight in a function's schema or a call, lie elsewhere.
const depthOfMessageKeys = 3;

/** True when a line spells a message's weight as `1.0` or `1e0`: the same number to JSON.parse, a float to a target's checker. */
export function hasFractionalWeight(line: string): boolean {
  if (!/"weight"\s*:\s*-?\d+[.eE]/.test(line)) return false;
  let depth = 0;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === '"') {
      const key = depth === depthOfMessageKeys && line.startsWith('"weight"', at);
      at = endOfText(line, at);
      decimal.lastIndex = at + 1;
      if (key && decimal.test(line)) return true;
    }
  }
  return false;
}

const decimal = /\s*:\s*-?\d+[.eE]/y;

/** Where the JSON text that begins at `start` ends. By hand: a regular expression runs out of stack on long texts. */
function endOfText(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end !== -1; end = line.indexOf('"', end + 1)) {
    let slashes = 0;
    while (line[end - slashes - 1] === "\\") slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return line.length;
}

/** Problems of `weight` on one message, the same for both targets but for the rule's id. */
export function weightProblems(rule: string, message: JsonObject, field: string): LineProblem[] {
  if (!("weight" in message)) return [];
  const { role, weight } = message;
  if (role !== "assistant")
    return [
      {
        rule,
        field: `${field}.weight`,
        message: `Expected weight only on assistant messages, got it on ${shown(role)}; remove it`,
      },
    ];
  if (weight === 0 || weight === 1) return [];
  return [{ rule, field: `${field}.weight`, message: `Expected the integer 0 or 1, got ${shown(weight)}` }];
}

/** Problems of a line's own `weight`, the loss weight of the whole example: a number from 0. */
export function sampleWeightProblems(rule: string, line: JsonObject): LineProblem[] {
  if (!("weight" in line)) return [];
  const { weight } = line;
  if (typeof weight === "number" && weight >= 0) return [];
  return [{ rule, field: "weight", message: `Expected a number from 0 as the example's weight, got ${shown(weight)}` }];
}

/** A message's problem with a weight spelt `1.0`, under these rules. */
export function fractionalWeight(text: string, rules: readonly string[]): LineProblem[] {
  if (!hasFractionalWeight(text)) return [];
  const message = "Expected the integer 0 or 1, got a decimal; write 1, not 1.0";
  return rules.map((rule) => ({ rule, field: "weight", message }));
}
