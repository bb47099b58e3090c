import type { ZodType } from "zod";

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
              ? `missing; expected ${article(issue.expected)}`
              : `expected ${article(issue.expected)}, got ${shown}`,
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
    case "invalid_union":
      return explainUnion(schema, value, issue, at, shown);
    default:
      return [{ at, message: `${lowerFirst(issue.message)}, got ${shown}` }];
  }
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

function show(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string" && path.some((key) => secretKey.test(String(key)))) return "a text (not shown)";
  const text = JSON.stringify(value, (key, member: unknown) =>
    typeof member === "string" && secretKey.test(key) ? "(not shown)" : member,
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
  const [nearest] = [...new Set(valid)]
    .map((name) => ({ name, edits: distance(written.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const near = nearest !== undefined && nearest.edits <= Math.max(1, Math.floor(nearest.name.length / 3));
  return near ? `; did you mean \`${nearest.name}\`?` : otherwise;
}

/** Edits (insert, delete, replace, swap neighbours) between two words. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : replaced;
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
