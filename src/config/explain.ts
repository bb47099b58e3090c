import type { ZodType } from "zod";
import { nearest } from "../domain/nearest.ts";

/** The parts of zod's issues that are read here. */
export interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
  readonly discriminator?: string;
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly inclusive?: boolean;
}

export interface Problem {
  readonly at: string;
  readonly message: string;
}

/** One zod issue in a person's words: at which key, what was expected, what was got. */
export function explain(schema: ZodType, value: unknown, issue: Issue): Problem[] {
  const got = valueAt(value, issue.path);
  const at = issue.path.map(String).join(".") || "(top level)";
  const shown = show(got, issue.path);
  switch (issue.code) {
    case "unrecognized_keys": {
      const valid = schemasAt(schema, issue.path).flatMap((one) => Object.keys(shapeOf(one)));
      return (issue.keys ?? []).map((key) => ({
        at: [...issue.path.map(String), key].join("."),
        message: `unknown key${suggestion(key, valid)}`,
      }));
    }
    case "invalid_type":
      return [
        {
          at,
          message:
            got === undefined
              ? `missing; expected ${wanted(schema, issue)}`
              : `expected ${wanted(schema, issue)}, got ${shown}${quoted(issue.expected, got)}`,
        },
      ];
    case "invalid_value": {
      const valid = (issue.values ?? []).map(String);
      if (got === undefined) return [{ at, message: `missing; expected ${oneOf(valid)}` }];
      return [
        {
          at,
          message: `expected ${oneOf(valid)}, got ${shown}${typeof got === "string" ? suggestion(got, valid, "") : ""}`,
        },
      ];
    }
    case "too_small":
    case "too_big":
      return [{ at, message: `expected ${bound(issue)}, got ${shown}` }];
    case "invalid_union":
      return explainUnion(schema, value, issue, at, shown);
    default:
      return [{ at, message: `${lowerFirst(issue.message)}, got ${shown}` }];
  }
}

/** What a value of another type should have been; dates are texts with a form of their own. */
function wanted(schema: ZodType, issue: Issue): string {
  const isDate = schemasAt(schema, issue.path).some((one) => definition(one).format === "date");
  return isDate ? "a date such as 2026-11-25" : article(issue.expected);
}

/** The way out for a number or flag written as a text, and for a section left empty. */
function quoted(expected: string | undefined, got: unknown): string {
  const isNumber = (expected === "number" || expected === "int") && typeof got === "string" && /^-?\d/.test(got);
  const isFlag = expected === "boolean" && (got === "true" || got === "false");
  if (got === null && (expected === "object" || expected === "record")) return ": fill it in, or write `{}`";
  return isNumber || isFlag ? ": write it without quotes" : "";
}

/** What zod calls too small or too big, in words: `at least 1`, `below 2`, `at least 1 entry`. */
function bound(issue: Issue): string {
  const least = issue.code === "too_small";
  const limit = Number(least ? issue.minimum : issue.maximum);
  const words = issue.inclusive === false ? (least ? "more than" : "less than") : least ? "at least" : "at most";
  const units: Readonly<Record<string, string>> = {
    array: limit === 1 ? " entry" : " entries",
    string: limit === 1 ? " character" : " characters",
  };
  return `${words} ${limit}${units[issue.origin ?? ""] ?? ""}`;
}

function explainUnion(schema: ZodType, value: unknown, issue: Issue, at: string, shown: string): Problem[] {
  const branches = issue.errors ?? [];
  if (branches.length === 0 && issue.discriminator !== undefined) {
    const parent = issue.path.at(-1) === issue.discriminator ? issue.path.slice(0, -1) : issue.path;
    const valid = schemasAt(schema, parent).flatMap((one) => literalsOf(shapeOf(one)[issue.discriminator as string]));
    const chosen = valueAt(value, [...parent, issue.discriminator]);
    return [
      {
        at: [...parent, issue.discriminator].map(String).join("."),
        message:
          chosen === undefined
            ? `missing; expected ${oneOf(valid)}`
            : `expected ${oneOf(valid)}, got ${show(chosen, parent)}`,
      },
    ];
  }
  // The branch that was meant is one whose type fits; of these, the one with the fewest problems.
  const fitting = branches.filter(
    (branch) => !branch.some((one) => one.path.length === 0 && one.code !== "unrecognized_keys"),
  );
  const [meant] = [...fitting].sort((a, b) => a.length - b.length);
  if (meant !== undefined) {
    return meant.flatMap((one) => explain(schema, value, { ...one, path: [...issue.path, ...one.path] }));
  }
  const expected = branches.flatMap((branch) =>
    branch
      .filter((one) => one.path.length === 0)
      .map((one) =>
        one.values === undefined
          ? one.expected === undefined
            ? lowerFirst(one.message)
            : article(one.expected)
          : oneOf(one.values.map(String)),
      ),
  );
  return [{ at, message: `expected ${[...new Set(expected)].join(" or ")}, got ${shown}` }];
}

interface Definition {
  readonly type: string;
  readonly format?: string;
  readonly shape?: Record<string, ZodType>;
  readonly element?: ZodType;
  readonly valueType?: ZodType;
  readonly innerType?: ZodType;
  readonly in?: ZodType;
  readonly left?: ZodType;
  readonly right?: ZodType;
  readonly options?: readonly ZodType[];
  readonly values?: readonly unknown[];
  readonly getter?: () => ZodType;
}

function definition(schema: ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schemas of what a schema wraps: itself, or the branches of a union. */
function unwrap(schema: ZodType): ZodType[] {
  const def = definition(schema);
  const inner = def.innerType ?? def.in ?? def.getter?.();
  if (inner !== undefined) return unwrap(inner);
  if (def.options !== undefined) return def.options.flatMap(unwrap);
  if (def.left !== undefined && def.right !== undefined) return [...unwrap(def.left), ...unwrap(def.right)];
  return [schema];
}

function schemasAt(schema: ZodType, path: readonly PropertyKey[]): ZodType[] {
  return path.reduce<ZodType[]>(
    (schemas, key) =>
      schemas.flatMap((one) => {
        const def = definition(one);
        const next = def.shape?.[String(key)] ?? def.element ?? def.valueType;
        return next === undefined ? [] : unwrap(next);
      }),
    unwrap(schema),
  );
}

function shapeOf(schema: ZodType): Record<string, ZodType> {
  return definition(schema).shape ?? {};
}

function literalsOf(schema: ZodType | undefined): string[] {
  return schema === undefined ? [] : unwrap(schema).flatMap((one) => (definition(one).values ?? []).map(String));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inside, key) =>
      typeof inside === "object" && inside !== null && Object.hasOwn(inside, key)
        ? (inside as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

// A secret pasted into the wrong place must not end in a log.
const secretKey = /api.?key|token|secret|password|authorization/i;

const passwordInUrl = /\/\/[^/@\s]*@/g;

function show(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string" && path.some((key) => secretKey.test(String(key)))) return "a text (not shown)";
  const text = JSON.stringify(value, (key, member: unknown) =>
    typeof member !== "string" ? member : secretKey.test(key) ? "(not shown)" : member.replace(passwordInUrl, "//…@"),
  );
  return `\`${text.length > 80 ? `${text.slice(0, 80)}…` : text}\``;
}

const articles: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys",
  record: "a map of keys",
  null: "null",
};

function article(expected: string | undefined): string {
  return articles[expected ?? ""] ?? expected ?? "another type";
}

function oneOf(values: readonly string[]): string {
  const quoted = values.map((value) => `\`${value}\``).join(", ");
  return values.length === 1 ? quoted : `one of ${quoted}`;
}

/** The nearest valid name as the end of a message (`; did you mean …?`), else `otherwise`: all of them. */
export function suggestion(
  written: string,
  valid: readonly string[],
  otherwise = valid.length > 0 ? `; expected ${oneOf([...new Set(valid)])}` : "",
): string {
  const near = nearest(written, valid);
  return near !== null ? `; did you mean \`${near}\`?` : otherwise;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
