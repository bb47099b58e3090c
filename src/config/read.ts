import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import { LineCounter, parseDocument, type YAMLError } from "yaml";
import { UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";

/** A config file as written: its text and the value the text stands for. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  readonly value: unknown;
}

const bytesLimit = 1024 * 1024;
const problemsShown = 10;
const aliasesLimit = 100;

/** Reads a YAML (or JSON) file that holds one map. @throws {UsageError} with line and column when it does not. */
export async function readConfig(path: string): Promise<ConfigFile> {
  const bytes = await readBytes(path);
  if (bytes.length > bytesLimit) {
    throw new UsageError(
      `Expected a config below 1 MB, got \`${path}\` with ${bytes.length} bytes: is it a data file? ${initInstead(path)}`,
    );
  }
  const text = decode(bytes, path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, stringKeys: true });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const shown = problems.slice(0, problemsShown).map((problem) => {
      const { line, col } = lines.linePos(problem.pos[0]);
      return `${path}:${line}:${col}: ${problem.message}${wayOut(problem)}`;
    });
    throw new UsageError(`Expected YAML in \`${path}\`, got:\n${shown.join("\n")}`, { cause: problems[0] });
  }
  const value = toValue(() => document.toJS({ maxAliasCount: aliasesLimit }), path);
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new UsageError(
      `Expected \`key: value\` lines in \`${path}\`, got ${shownValue(value)}${instead(path, value)}`,
    );
  }
  refuseCycles(value, path, [], []);
  return { path, text, value };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const got = {
      ENOENT: () => noFile(path),
      ENOTDIR: () => noFile(path),
      EISDIR: async () => "a folder: name the file in it",
      EACCES: async () => `permission denied: let yourself read it with \`chmod u+r\`, or have its owner do so`,
    }[code ?? ""];
    throw new UsageError(`Expected a config file at \`${path}\`, got ${got === undefined ? message : await got()}`, {
      cause,
    });
  }
}

async function noFile(path: string): Promise<string> {
  const names = await readdir(dirname(path)).catch(() => []); // only to make a suggestion of it
  const near = nearest(basename(path), names);
  return near === null
    ? "no such file: `npx tracemill init <data>` writes one"
    : `no such file: did you mean \`${path.slice(0, path.length - basename(path).length)}${near}\`?`;
}

function decode(bytes: Buffer, path: string): string {
  const utf16 = bytes.includes(0);
  try {
    if (!utf16) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const line = bytes.toString("utf8").split("\uFFFD")[0]?.split("\n").length ?? 1;
    throw new UsageError(`Expected UTF-8 in \`${path}\`, got other bytes on line ${line}: save it as UTF-8`);
  }
  throw new UsageError(`Expected UTF-8 in \`${path}\`, got UTF-16 or binary content: save it as UTF-8`);
}

/** What mends the mistakes that people make most, where YAML's own words only name them. */
function wayOut({ code }: YAMLError): string {
  const known: Readonly<Record<string, string>> = {
    TAB_AS_INDENT: ": indent with spaces",
    DUPLICATE_KEY: ": remove one of the two",
    TAG_RESOLVE_FAILED: ": leave the tag out",
    MULTIPLE_DOCS: ": one config to a file, without `---`",
  };
  return known[code] ?? "";
}

function toValue(resolve: () => unknown, path: string): unknown {
  try {
    return resolve();
  } catch (cause) {
    // The yaml library refuses aliases without an anchor, and those that would unfold to a very large value.
    if (!(cause instanceof ReferenceError)) throw cause;
    const name = /: (\S+)$/.exec(cause.message)?.[1];
    const got =
      name === undefined
        ? `aliases that unfold to more than ${aliasesLimit} times what is written: use fewer of them, or write out what they stand for`
        : `\`*${name}\` without an anchor above it: write \`&${name}\` where the block begins`;
    throw new UsageError(`Expected every alias in \`${path}\` to stand for something, got ${got}`, { cause });
  }
}

function refuseCycles(value: unknown, path: string, above: readonly unknown[], keys: readonly string[]): void {
  if (value === null || typeof value !== "object") return;
  if (above.includes(value)) {
    throw new UsageError(
      `Expected no anchor in \`${path}\` to contain its own alias, got one that does at \`${keys.join(".")}\`: write out there what is meant`,
    );
  }
  for (const [key, member] of Object.entries(value)) refuseCycles(member, path, [...above, value], [...keys, key]);
}

function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  const text = String(value);
  return `\`${(text.length > 60 ? `${text.slice(0, 60)}…` : text).replaceAll("\n", " ")}\``;
}

function instead(path: string, value: unknown): string {
  if (value === null || value === undefined) return ": `npx tracemill init <data>` writes a config";
  return typeof value === "string" ? `. ${initInstead(path)}` : ": docs/config.md shows one";
}

function initInstead(path: string): string {
  return /^\.ya?ml$/.test(extname(path))
    ? "docs/config.md shows one."
    : `To write a config for data: \`npx tracemill init ${path}\`.`;
}
