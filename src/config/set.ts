import { parseDocument } from "yaml";
import { UsageError } from "../domain/errors.ts";

const keyPart = '"(?:[^"]*)"|[^".=]+';
const pathPattern = new RegExp(`^\\s*((?:${keyPart})(?:\\.(?:${keyPart}))*)\\s*=`);

/**
 * A copy of a config value with one `--set key.path=value` applied; the value is read as YAML. A key that holds dots or equals signs
 * stands in double quotes: `models.teacher.body."a.b"=1`. @throws {UsageError}
 */
export function applySet(value: unknown, assignment: string): unknown {
  const [head = "", path = ""] = pathPattern.exec(assignment) ?? [];
  const keys = [...path.matchAll(new RegExp(keyPart, "g"))].map(([key]) => key.trim().replace(/^"(.*)"$/, "$1"));
  if (keys.length === 0 || keys.some((key) => key === "" || key === "__proto__")) {
    const key = /^[\w.]*\w$/.test(assignment) && !assignment.includes("__proto__") ? assignment : "select.target";
    throw new UsageError(`Expected --set key.path=value, got \`${assignment}\`: write --set ${key}=<value>`);
  }
  const equals = head.length - 1;
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
