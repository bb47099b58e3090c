import type { ToolCall } from "./trajectory.ts";

/** A call as OpenAI's chat format writes it, for endpoints and in training files. */
export interface WireCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A message's call in that format. */
export function wireCall({ id, name, arguments: text }: ToolCall): WireCall {
  return { id, type: "function", function: { name, arguments: text } };
}

/** A function that may be called, in the same format; `parameters` is a JSON Schema. */
export function wireTool({ name, description, parameters }: WireFunction): WireTool {
  return { type: "function", function: { name, description, parameters } };
}

/** The function in a `WireTool`. */
export interface WireFunction {
  readonly name: string;
  readonly description: string;
  readonly parameters: unknown;
}

/** What `wireTool` writes. */
export interface WireTool {
  readonly type: "function";
  readonly function: WireFunction;
}
