// A file that an agent submits: where it may lie, and what became of it.
import { z } from "zod";

/** Where an agent may leave a file: an absolute path inside the sandbox. */
const root = "/scratch/";
const longestPathChars = 1000;
// ASCII alone: no character that looks like another, nothing that a shell or a file system reads as more than a name.
const name = /^[A-Za-z0-9_][A-Za-z0-9_.+ -]{0,199}$/;

/** The names of a path below /scratch, outermost first; or, as `outside`, why it is none. */
export function namesBelowScratch(path: string): { readonly names: readonly string[] } | { readonly outside: string } {
  if (path.length > longestPathChars) return { outside: `a path of ${path.length} characters is none of ours` };
  if (!path.startsWith(root)) return { outside: `expected a path below ${root}` };
  const names = path.slice(root.length).split("/");
  const wrong = names.find((part) => !name.test(part));
  if (wrong === undefined) return { names };
  return {
    outside: `expected names of letters, digits, \`_\`, \`.\`, \`+\`, \`-\` and spaces that begin with a letter or digit, got ${JSON.stringify(wrong.slice(0, 60))}`,
  };
}

/**
 * Why a file was not taken. `missing`: nothing is there; `not_a_regular_file`: a folder, pipe, socket or device; `linked`: a symbolic
 * link, below one, or a file with several names; `outside`: not below /scratch; `too_large`: above the cap; `unreadable`: the rest.
 */
export const refusals = ["missing", "not_a_regular_file", "too_large", "outside", "linked", "unreadable"] as const;
/** One of `refusals`: why a file was not taken. */
export type Refusal = (typeof refusals)[number];

/** A file that a task asks for: its path inside, and the most bytes it may have. */
export const submissionRule = z.strictObject({ path: z.string(), maxBytes: z.number().int().positive() });
export type SubmissionRule = z.infer<typeof submissionRule>;

/**
 * What became of the file that a task asks for: its bytes are kept under `sha256`, or why it was not taken. `diverged`: to read it, earlier
 * steps were run again, and one gave another output than before.
 */
export const submissionFile = z.union([
  z.strictObject({ path: z.string(), bytes: z.number().int(), sha256: z.string(), diverged: z.boolean() }),
  z.strictObject({ path: z.string(), refused: z.enum(refusals), detail: z.string(), diverged: z.boolean() }),
]);
export type SubmissionFile = z.infer<typeof submissionFile>;
