import { stat } from "node:fs/promises";
import { UsageError } from "../domain/errors.ts";

/** Size of a file that is to be checked. @throws {UsageError} when there is none. */
export async function exportedBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new UsageError(`Expected an exported file, got nothing readable at \`${path}\``, { cause });
  }
}
