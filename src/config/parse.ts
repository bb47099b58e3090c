import type { ZodType, z } from "zod";
import { UsageError } from "../domain/errors.ts";
import { explain, type Issue } from "./explain.ts";

const problemsShown = 10;

/**
 * Checks a config value against a recipe's schema. @throws {UsageError} naming every key that is wrong (ten at most), what was
 * expected there and what was got; also for an API key written into the config.
 */
export function parseConfig<Schema extends ZodType>(schema: Schema, value: unknown, path: string): z.output<Schema> {
  const secrets = findSecrets(value, []);
  const parsed = schema.safeParse(value);
  if (parsed.success && secrets.length === 0) return parsed.data;
  const known = new Set(secrets.map(({ at }) => at));
  const issues = parsed.success ? [] : parsed.error.issues.flatMap((issue) => explain(schema, value, issue as Issue));
  const problems = [...secrets, ...issues.filter(({ at }) => !known.has(at))].map(
    ({ at, message }) => `- ${at}: ${message}`,
  );
  const hidden = problems.length - problemsShown;
  throw new UsageError(
    [
      `Expected \`${path}\` to be a valid config, got ${problems.length} ${problems.length === 1 ? "problem" : "problems"}:`,
      ...problems.slice(0, problemsShown),
      ...(hidden > 0 ? [`- … and ${hidden} more`] : []),
    ].join("\n"),
    { cause: parsed.error },
  );
}

function findSecrets(value: unknown, above: readonly string[]): { at: string; message: string }[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const keys = [...above, key];
    if (!/^api[_-]?key$/i.test(key)) return findSecrets(member, keys);
    return [
      {
        at: keys.join("."),
        message:
          "a config holds no API keys; write `apiKeyEnv:` with the name of the environment variable that holds it",
      },
    ];
  });
}
