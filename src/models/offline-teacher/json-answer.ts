// Answers as JSON of a shape that the request sends, checked against it. What cannot be brought into the shape is refused, never bent.

import { z } from "zod";
import { isRecord, parseJson } from "../../domain/reply-json.ts";
import type { Action } from "./dialects.ts";
import { RefusedRequest } from "./request.ts";

/** Where a schema stands in the request, for messages. */
export interface AskedShape {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly param: string;
}

/** The answer as JSON; of the shape `asked`, where there is one. Null where none of its forms has that shape. @throws {RefusedRequest} for a schema that cannot be read. */
export function jsonAnswer(said: Exclude<Action, { kind: "code" }>, asked: AskedShape | null): string | null {
  const text = said.kind === "answer" ? said.answer : said.text;
  const value = parse(text);
  if (asked === null) {
    // A judge's slips are its own: what was meant as JSON is left as it is.
    if (said.kind === "text" && /^[[{]/.test(text)) return text;
    return JSON.stringify(isRecord(value) ? value : { answer: value ?? text });
  }
  const check = readSchema(asked);
  const [only, ...others] = Object.keys(isRecord(asked.schema.properties) ? asked.schema.properties : {});
  const wrapped = (inner: unknown) => (only === undefined || others.length > 0 ? [] : [{ [only]: inner }]);
  const named = namedValues(text);
  const forms = [
    ...(value === undefined ? [] : [value, ...wrapped(value)]),
    ...(named === null ? [] : [numbers(named), named]),
    ...wrapped(text),
    text,
  ];
  const fitting = forms.find((form) => check.safeParse(form).success);
  return fitting === undefined ? null : JSON.stringify(fitting);
}

function readSchema({ schema, param }: AskedShape): z.ZodType {
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    throw new RefusedRequest(
      `Expected a JSON Schema that can be checked here, got one with: ${error instanceof Error ? error.message : String(error)}`,
      { param, code: "invalid_json_schema" },
    );
  }
}

function parse(text: string): unknown {
  const inside = /```json\n([\s\S]*?)\n```/.exec(text)?.[1] ?? text.slice(Math.max(0, text.search(/^[[{]/m)));
  return parseJson(inside); // undefined is no JSON: its words may still have the shape
}

/** `@mean[1.5] @name[x]` by name; null where an answer has another form. */
function namedValues(text: string): Record<string, string> | null {
  const found = [...text.matchAll(/@(\w+)\[([^\]]*)\]/g)].map(([, name = "", value = ""]) => [name, value] as const);
  return found.length === 0 ? null : Object.fromEntries(found);
}

function numbers(values: Readonly<Record<string, string>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value,
    ]),
  );
}
