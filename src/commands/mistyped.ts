import { UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";

/** What there is to type: `usage` of every command (`run <config>`), and the help of the one that was typed. */
export interface Typeable {
  readonly usages: readonly string[];
  readonly help: string;
  readonly argv: readonly string[];
}

/** What yargs says of a command line, in a sentence that names the word, the place and the way out. */
export function mistyped(message: string, { usages, help, argv }: Typeable): UsageError {
  const names = usages.map((usage) => usage.split(" ")[0] ?? "");
  const verb = argv.find((word) => names.includes(word));
  const usage = `tracemill ${usages[names.indexOf(verb ?? "")] ?? "<command>"}`;
  const ask = `\`npx tracemill ${verb === undefined ? "" : `${verb} `}--help\` tells`;

  const unknown = /^Unknown (?:arguments?|commands?): (.*)$/s.exec(message)?.[1]?.split(", ");
  if (unknown !== undefined) {
    const option = argv.find((word) => unknown.some((name) => isOption(word, name)));
    if (option !== undefined) return unknownOption(option, { help, verb, ask });
    const [word = ""] = unknown;
    if (verb === undefined) return unknownCommand(word, names);
    const below = [...help.matchAll(new RegExp(`^ +tracemill ${verb} ([a-z]+)`, "gm"))].map(([, name]) => name ?? "");
    if (below.length > 0) return unknownCommand(word, below, ` of \`tracemill ${verb}\``);
    return new UsageError(
      `Expected \`${usage}\`, got \`${word}\` as well: leave it out, or put a name with spaces in quotes`,
    );
  }
  if (message.startsWith("Not enough non-option arguments")) {
    return new UsageError(`Expected \`${usage}\`, got too few words: ${ask} what each is`);
  }
  const without = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (without !== undefined)
    return new UsageError(`Expected a value after --${without}, got none: --${without} <value>`);
  return new UsageError(message.endsWith(".") ? message : `${message}: ${ask} what can be typed`);
}

/** @throws {UsageError} when an option that takes one value was given more. */
export function expectOnce(given: Readonly<Record<string, unknown>>, options: readonly string[]): void {
  for (const name of options) {
    const value = given[name];
    if (Array.isArray(value)) {
      throw new UsageError(`Expected --${name} once, got ${value.length} (${value.join(", ")}): leave all but one out`);
    }
  }
}

function unknownCommand(word: string, names: readonly string[], place = ""): UsageError {
  const near = nearest(word, names);
  const wayOut =
    near === null ? `expected one of ${names.map((name) => `\`${name}\``).join(", ")}` : `did you mean \`${near}\`?`;
  return new UsageError(`Expected a command${place}, got \`${word}\`: ${wayOut}`);
}

function unknownOption(
  written: string,
  { help, verb, ask }: { help: string; verb: string | undefined; ask: string },
): UsageError {
  const known = [...help.matchAll(/--([a-z][\w-]*)/g)].map(([, name]) => name ?? "");
  const near = nearest(written.replace(/^-+/, ""), known);
  const wayOut = near === null ? `${ask} which there are` : `did you mean \`--${near}\`?`;
  return new UsageError(
    `Expected an option of \`tracemill${verb === undefined ? "" : ` ${verb}`}\`, got \`${written}\`: ${wayOut}`,
  );
}

/** Whether a typed word is the option that yargs calls by this name, which it gives in camelCase too. */
function isOption(word: string, name: string): boolean {
  const [, typed] = /^--?(?:no-)?([^=]+)/.exec(word) ?? [];
  return typed === name;
}
