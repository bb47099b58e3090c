import { type ZodType, z } from "zod";
import { isRecord } from "../domain/reply-json.ts";

/** What endpoints with strict schemas take, all of them; bounds and formats are told in words and checked when the answer is read. */
const kept = new Set(["type", "enum", "const", "description", "$ref"]);

/**
 * The JSON Schema of what a model shall write for `schema`, as the strictest endpoints want it: every property required, nothing
 * beside them, no bounds. @throws {Error} where the shape has no such schema: records, tuples, anything, optional that is not nullable.
 */
export function strictJsonSchema(schema: ZodType): Readonly<Record<string, unknown>> {
  const { $defs, ...whole } = z.toJSONSchema(schema, { io: "input" }) as Readonly<Record<string, unknown>>;
  const strictly = strict(whole, "");
  if (!isRecord($defs)) return strictly;
  const definitions = Object.entries($defs).map(([name, one]) => [name, strict(one, `$defs.${name}`)]);
  return { ...strictly, $defs: Object.fromEntries(definitions) };
}

function strict(node: unknown, path: string): Record<string, unknown> {
  const refuse = (why: string) =>
    new Error(`Expected a shape that every endpoint takes as a strict schema, got ${why} at \`${path}\``);
  if (!isRecord(node) || "allOf" in node || "prefixItems" in node) throw refuse("an intersection, a tuple or the like");
  const common = Object.fromEntries(Object.entries(node).filter(([keyword]) => kept.has(keyword)));
  const either = node.anyOf ?? node.oneOf;
  if (Array.isArray(either)) return { ...common, anyOf: either.map((one) => strict(one, path)) };
  if (node.type === "array") return { ...common, items: strict(node.items, `${path}[]`) };
  if (node.type === "object") {
    const { properties, required = [], additionalProperties } = node;
    if (!isRecord(properties) || isRecord(additionalProperties)) throw refuse("an object of any keys");
    const fields = Object.entries(properties).map(([name, one]) => {
      const at = path === "" ? name : `${path}.${name}`;
      if (!(required as string[]).includes(name) && !takesNull(one))
        throw new Error(`Expected every field to be required or nullable, got \`${at}\`, which is neither`);
      return [name, strict(one, at)] as const;
    });
    return {
      ...common,
      properties: Object.fromEntries(fields),
      required: fields.map(([name]) => name),
      additionalProperties: false,
    };
  }
  if (Object.keys(common).length === 0) throw refuse("anything");
  return common;
}

function takesNull(node: unknown): boolean {
  if (!isRecord(node)) return false;
  const { type, anyOf } = node;
  if (Array.isArray(anyOf)) return anyOf.some(takesNull);
  return type === "null" || (Array.isArray(type) && type.includes("null"));
}
