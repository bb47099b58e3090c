import { z } from "zod";
import { UsageError } from "../domain/errors.ts";

/** The version of configs that this Tracemill reads; a config that states none is of the first. */
export const configVersion = 1;

/** `version:` as recipes take it. */
export const versionOption = z.literal(configVersion).optional();

/**
 * Refuses a config of another version before its options are looked at, which would all seem wrong.
 * @throws {UsageError} saying which version it states.
 */
export function checkVersion(value: unknown, path: string, tracemill: string): void {
  const stated = typeof value === "object" && value !== null ? (value as Record<string, unknown>).version : undefined;
  if (stated === undefined || stated === configVersion) return;
  const wayOut =
    typeof stated === "number" && stated > configVersion
      ? "update Tracemill, or write the config for this one (docs/config.md)"
      : `write \`version: ${configVersion}\`, or leave it out`;
  throw new UsageError(
    `Expected \`version: ${configVersion}\` in \`${path}\`, got \`${String(stated)}\`, which Tracemill ${tracemill} does not read: ${wayOut}`,
  );
}
