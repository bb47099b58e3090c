// LF-R1: dataset_info.json beside a file says everything, for what is left out there counts as None.
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ExportProblem } from "../../contracts.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, shown } from "../chat-line.ts";
import { readJsonl } from "../jsonl-check.ts";

const neededTags = [
  "role_tag",
  "content_tag",
  "user_tag",
  "assistant_tag",
  "observation_tag",
  "function_tag",
  "system_tag",
];

/**
 * What dataset_info.json beside `path` breaks for that file; nothing where there is no such file: then the user registers it otherwise. Columns:
 * one that is left out is not read, and one that no line has stops the trainer.
 */
export async function datasetInfoProblems(path: string, needed: readonly string[]): Promise<ExportProblem[]> {
  const text = await readFile(join(dirname(path), "dataset_info.json"), "utf8").catch(() => null);
  if (text === null) return [];
  const value: unknown = parseJson(text);
  const entries = isObject(value) ? Object.entries(value) : [];
  const found = entries.find(([, entry]) => isObject(entry) && entry.file_name === basename(path));
  const problem = (field: string, message: string): ExportProblem => ({
    ...{ rule: "LF-R1", line: 0, field, message },
    severity: "error",
  });
  const [name, entry] = found ?? [];
  if (!isObject(entry))
    return [problem("dataset_info.json", `Expected an entry with file_name \`${basename(path)}\`, got none`)];
  if (entry.formatting !== "sharegpt")
    return [problem(`${name}.formatting`, `Expected \`sharegpt\`, got ${shown(entry.formatting)}`)];
  const [tags, columns] = [entry.tags, entry.columns].map((given) => (isObject(given) ? given : {}));
  const untagged = neededTags
    .filter((one) => typeof tags?.[one] !== "string")
    .map((one) =>
      problem(
        `${name}.tags.${one}`,
        `Expected every one of ${neededTags.join(", ")}: what is left out counts as None; write it`,
      ),
    );
  const ranks = needed.includes("chosen");
  const ranking =
    (entry.ranking === true) === ranks
      ? []
      : [
          problem(
            `${name}.ranking`,
            `Expected ${ranks ? "`true`" : "no ranking"}, got ${shown(entry.ranking)}: lines would be skipped`,
          ),
        ];
  const has = await keysOf(path);
  const named = Object.entries(columns ?? {});
  const absent = named
    .filter(([, key]) => typeof key === "string" && !has.any.has(key))
    .map(([column, key]) =>
      problem(`${name}.columns.${column}`, `Expected a column that some line has, got ${shown(key)}; leave it out`),
    );
  const unread = [...needed, ...["system", "tools"].filter((key) => has.filled.has(key))]
    .filter((key) => !named.some(([, one]) => one === key))
    .map((key) =>
      problem(`${name}.columns`, `Expected the column \`${key}\` to be named, got none: it would not be read; add it`),
    );
  return [...untagged, ...ranking, ...absent, ...unread];
}

/** The keys that some line has, and those with something in them. */
async function keysOf(path: string): Promise<{ readonly any: Set<string>; readonly filled: Set<string> }> {
  const [any, filled] = [new Set<string>(), new Set<string>()];
  for await (const line of readJsonl(path))
    for (const [key, value] of Object.entries(line ?? {})) {
      any.add(key);
      if (value !== null && value !== "") filled.add(key);
    }
  return { any, filled };
}
