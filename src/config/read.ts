import { readFile } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { UsageError } from "../domain/errors.ts";

/** A config file as written: its text and the value the text stands for. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  readonly value: unknown;
}

const bytesLimit = 1024 * 1024;
const problemsShown = 10;

/** Reads a YAML (or JSON) file that holds one map. @throws {UsageError} with line and column when it does not. */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(`Expected a config file at \`${path}\`, got ${(cause as Error).message}`, { cause });
  }
  if (text.length > bytesLimit) {
    throw new UsageError(
      `Expected a config below 1 MB, got \`${path}\` with ${text.length} characters: is it a data file?`,
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, stringKeys: true });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const shown = problems.slice(0, problemsShown).map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return `${path}:${line}:${col}: ${message}`;
    });
    throw new UsageError(`Expected YAML in \`${path}\`, got:\n${shown.join("\n")}`, { cause: problems[0] });
  }
  const value = toValue(() => document.toJS({ maxAliasCount: 100 }), path);
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    const got =
      value === null || value === undefined ? "nothing" : Array.isArray(value) ? "a list" : `\`${String(value)}\``;
    throw new UsageError(`Expected \`key: value\` lines in \`${path}\`, got ${got}`);
  }
  refuseCycles(value, path, []);
  return { path, text, value };
}

function toValue(resolve: () => unknown, path: string): unknown {
  try {
    return resolve();
  } catch (cause) {
    // The yaml library refuses aliases without an anchor, and those that would unfold to a very large value.
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new UsageError(`Expected aliases in \`${path}\` that can be resolved, got: ${cause.message}`, { cause });
  }
}

function refuseCycles(value: unknown, path: string, above: readonly unknown[]): void {
  if (value === null || typeof value !== "object") return;
  if (above.includes(value))
    throw new UsageError(`Expected no anchor in \`${path}\` to contain its own alias, got one that does`);
  for (const member of Object.values(value)) refuseCycles(member, path, [...above, value]);
}
