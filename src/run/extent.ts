import { UsageError } from "../domain/errors.ts";

/** How much of a config is run. */
export interface Extent {
  readonly limit?: number;
  readonly preview: boolean;
}

const previewed = 3;

/** What `--limit` and `--preview` ask for; a bare `--preview` means three. @throws {UsageError} for what is no count, or for both. */
export function extentOf(args: { readonly limit?: string | undefined; readonly preview?: string | undefined }): Extent {
  if (args.limit !== undefined && args.preview !== undefined) {
    throw new UsageError(
      `Expected --limit or --preview, got both: \`--preview ${args.limit}\` starts as many and prints what became of them`,
    );
  }
  if (args.preview !== undefined) {
    return { limit: args.preview === "" ? previewed : countOf("--preview", args.preview), preview: true };
  }
  return args.limit === undefined ? { preview: false } : { limit: countOf("--limit", args.limit), preview: false };
}

/** The count that an option asks for. @throws {UsageError} for what is no whole number from 1. */
export function countOf(option: string, text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`${option}: expected a whole number from 1, got \`${text}\``);
}
