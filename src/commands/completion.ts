// What a shell is offered for a word that is being typed. yargs speaks the protocol and knows commands and options; this knows values.
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Commands whose word number n (from 0) is a value of this sort. */
const positionals: Readonly<Record<string, readonly Sort[]>> = {
  run: ["config"],
  audit: ["run"],
  why: ["run"],
  status: ["run"],
  waive: ["run"],
  list: ["kind"],
  "check-tasks": ["tasks"],
};

type Sort = "config" | "run" | "kind" | "tasks" | "data";

/** The values for the word after these, or null where it is none of a sort known here: then yargs' own offers stand. */
export async function valuesFor(
  words: readonly string[],
  options: { readonly current: string; readonly output: string },
): Promise<string[] | null> {
  const { current, output } = options;
  const before = words.at(-1);
  if (before === "--config") return filesLike(current, /\.ya?ml$/);
  if (current.startsWith("-")) return null;
  const [command = "", ...rest] = words;
  // Options' own values are not told from positionals here: a word after an option is left to the shell.
  const place = rest.filter((word) => !word.startsWith("-")).length;
  const sorts = positionals[command];
  const sort =
    command === "check-tasks" ? "tasks" : command === "sandbox" && rest[0] === "shell" ? "data" : sorts?.[place];
  if (sort === undefined || before?.startsWith("--")) return null;
  const found =
    sort === "config"
      ? await filesLike(current, /\.ya?ml$/)
      : sort === "tasks" || sort === "data"
        ? await filesLike(current, sort === "tasks" ? /\.jsonl$/ : dataFile)
        : sort === "kind"
          ? Object.keys((await import("./kinds.ts")).kinds) // the lists of everything: nobody waits for them at another word
          : await runIds(output);
  return found.filter((value) => value.startsWith(current));
}

// Not asked of the formats themselves: they load DuckDB.
const dataFile = /\.(?:csv|tsv|json|jsonl|ndjson|parquet|xlsx)(?:\.gz)?$/i;

/** Files and folders that begin with what was typed; hidden ones only where a dot was. */
async function filesLike(current: string, pattern: RegExp): Promise<string[]> {
  const folder = current.endsWith("/") ? current : dirname(current === "" ? "x" : current);
  const begins = current.endsWith("/") ? "" : basename(current);
  const shown = (name: string) => (folder === "." && !current.startsWith("./") ? name : join(folder, name));
  const entries = await readdir(folder, { withFileTypes: true }).catch((): [] => []);
  return entries
    .filter(({ name }) => name.startsWith(begins) && (begins.startsWith(".") || !name.startsWith(".")))
    .filter((entry) => entry.isDirectory() || pattern.test(entry.name))
    .filter(({ name }) => name !== "node_modules")
    .map((entry) => `${current.startsWith("./") ? "./" : ""}${shown(entry.name)}${entry.isDirectory() ? "/" : ""}`)
    .sort();
}

/** Newest first. */
async function runIds(output: string): Promise<string[]> {
  const entries = await readdir(join(output, "runs"), { withFileTypes: true }).catch((): [] => []);
  const ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return ["latest", ...ids.sort().reverse()];
}
