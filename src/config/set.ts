import { parseDocument } from "yaml";
import { UsageError } from "../domain/errors.ts";

/** A copy of a config value with one `--set key.path=value` applied; the value is read as YAML. @throws {UsageError} */
export function applySet(value: unknown, assignment: string): unknown {
  const equals = assignment.indexOf("=");
  const keys = assignment.slice(0, Math.max(equals, 0)).trim().split(".");
  if (keys.some((key) => key === "" || key === "__proto__")) {
    const key = keys.filter((part) => part !== "" && part !== "__proto__").join(".") || "select.target";
    throw new UsageError(`Expected --set key.path=value, got \`${assignment}\`: write --set ${key}=<value>`);
  }
  const document = parseDocument(assignment.slice(equals + 1).trim());
  if (document.errors[0] !== undefined) {
    throw new UsageError(
      `Expected a YAML value after --set ${keys.join(".")}=, got ${document.errors[0].message.split("\n")[0]} Put the value in quotes if it is a text`,
      { cause: document.errors[0] },
    );
  }
  return setAt(value, keys, document.toJS(), assignment);
}

function setAt(value: unknown, keys: readonly string[], to: unknown, assignment: string): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return to;
  if (Array.isArray(value)) {
    const index = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(index <= value.length)) {
      throw new UsageError(
        `Expected an index from 0 to ${value.length} at \`${key}\` in --set ${assignment}, got \`${key}\`: the list has ${value.length} ${value.length === 1 ? "entry" : "entries"}, and ${value.length} adds one`,
      );
    }
    return Object.assign([...value], { [index]: setAt(value[index], rest, to, assignment) });
  }
  if (value === undefined || value === null) return { [key]: setAt(undefined, rest, to, assignment) };
  if (typeof value === "object") {
    const inside = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    return { ...value, [key]: setAt(inside, rest, to, assignment) };
  }
  const above = assignment.slice(0, assignment.indexOf(`.${key}`));
  throw new UsageError(
    `Expected a map above \`${key}\` in --set ${assignment}, got \`${String(value)}\`: set the whole of it with --set ${above}=<value>`,
  );
}
