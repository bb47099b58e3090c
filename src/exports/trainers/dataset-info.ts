// LF-R1: dataset_info.json beside a file says everything, for what is left out there counts as None.
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ExportProblem } from "../../contracts.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, shown } from "../chat-line.ts";

const neededTags = [
  "role_tag",
  "content_tag",
  "user_tag",
  "assistant_tag",
  "observation_tag",
  "function_tag",
  "system_tag",
];
const neededColumns = ["messages", "system", "tools"];

/** What dataset_info.json beside `path` lacks of its entry for that file; nothing where there is no such file: then the user registers it otherwise. */
export async function datasetInfoProblems(path: string): Promise<ExportProblem[]> {
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
  const lacking = (key: "tags" | "columns", needed: readonly string[]) => {
    const given = isObject(entry[key]) ? entry[key] : {};
    return needed
      .filter((one) => typeof given[one] !== "string")
      .map((one) =>
        problem(
          `${name}.${key}.${one}`,
          `Expected every one of ${needed.join(", ")}: what is left out counts as None; write it`,
        ),
      );
  };
  return [...lacking("tags", neededTags), ...lacking("columns", neededColumns)];
}
