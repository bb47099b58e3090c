import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { UsageError } from "../domain/errors.ts";
import { sha256 } from "../domain/hash.ts";
import { packageRoot } from "../package.ts";

/** A prompt file. `hash` is of its text and is its identity; `variables` are the names in `{{…}}`, sorted. */
export interface Prompt {
  readonly path: string;
  readonly text: string;
  readonly hash: string;
  readonly variables: readonly string[];
  /** @throws {UsageError} when the prompt has not places for exactly these values: before anything is spent, where stages are made. */
  expectPlaces(names: readonly string[]): void;
  /** Puts values, as they are, in the place of their names. @throws {UsageError} when a value is missing or has no place. */
  render(values: Readonly<Record<string, string>>): string;
}

/**
 * Loads a prompt: an absolute path, or one below the package's own `prompts/`. Line ends become \n and those at the end are cut.
 * @throws {UsageError} when it cannot be read or holds a `{{` that is not a variable.
 */
export async function loadPrompt(path: string): Promise<Prompt> {
  const file = isAbsolute(path) ? path : join(packageRoot(), "prompts", path);
  const text = (await read(file)).replaceAll("\r\n", "\n").replace(/\n+$/, "");
  const pieces = split(text, file);
  const variables = [
    ...new Set(pieces.flatMap((piece) => (piece.variable === undefined ? [] : [piece.variable]))),
  ].sort();
  const expectPlaces = (names: readonly string[]) => {
    const missing = variables.filter((name) => !names.includes(name));
    const extra = names.filter((name) => !variables.includes(name));
    if (missing.length === 0 && extra.length === 0) return;
    throw new UsageError(
      [
        `Expected values for ${list(variables)} in the prompt \`${file}\``,
        ...(missing.length > 0
          ? [`${list(missing)} is missing: remove it from the prompt, this place has no such value`]
          : []),
        ...(extra.length > 0 ? [`${list(extra)} has no place in it: add {{${extra[0]}}}`] : []),
      ].join("; "),
    );
  };
  return {
    path: file,
    text,
    hash: sha256(text),
    variables,
    expectPlaces,
    render(values) {
      expectPlaces(Object.keys(values));
      return pieces.map((piece) => (piece.variable === undefined ? piece.text : values[piece.variable])).join("");
    },
  };
}

interface Piece {
  readonly text: string;
  readonly variable: string | undefined;
}

function split(text: string, file: string): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  for (const match of text.matchAll(/\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}|\{\{/g)) {
    if (match[1] === undefined) {
      const line = text.slice(0, match.index).split("\n").length;
      throw new UsageError(
        `Expected {{name}} in the prompt \`${file}\`, line ${line}, got \`${text.slice(match.index, match.index + 20).split("\n")[0]}\`: write { { where two braces are meant`,
      );
    }
    pieces.push(
      { text: text.slice(position, match.index), variable: undefined },
      { text: match[0], variable: match[1] },
    );
    position = match.index + match[0].length;
  }
  return [...pieces, { text: text.slice(position), variable: undefined }];
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const got = (cause as Error).message.split(", ")[0];
    throw new UsageError(
      `Expected a prompt (\`prompts:\` in the config) at \`${file}\`, got ${got}: name one of the package's prompts/, or your own ` +
        "with an absolute path or one that begins with `./` and starts at the config",
      { cause },
    );
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `{{${name}}}`).join(", ");
}
