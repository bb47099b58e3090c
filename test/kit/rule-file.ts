// A file for one target, made of rows that are right and a few under test; what its check finds.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckOptions, ExportProblem, Renderer, Target } from "../../src/contracts.ts";
import { targets } from "../../src/exports/targets.ts";

/** Rows under test: objects as JSON, texts and bytes as they are. They stand behind `padding` rows that are right. */
export interface RuleFile {
  readonly rows: readonly (object | string | Uint8Array)[];
  readonly padding?: number;
  /** Whether it begins with a byte order mark; as the target asks unless given. */
  readonly bom?: boolean;
  readonly name?: string;
  readonly options?: CheckOptions;
}

const user = { role: "user", content: "How many rows?" };
const answer = { role: "assistant", content: "891" };
const chat = { messages: [user, { ...answer, weight: 1 }] };
const pair = {
  input: { messages: [user] },
  preferred_output: [answer],
  non_preferred_output: [{ ...answer, content: "900" }],
};

/** A row that each target takes, by its number. */
const right: Readonly<Record<string, (index: number) => object>> = {
  "chat-jsonl": () => chat,
  openai: () => chat,
  azure: () => chat,
  together: () => chat,
  fireworks: () => chat,
  mistral: () => chat,
  "openai-dpo": () => pair,
  "azure-dpo": () => pair,
  "together-preference": () => pair,
  "fireworks-dpo": () => pair,
  "together-instruction": () => ({ prompt: "How many rows?", completion: "891" }),
  "openai-rft": () => ({ messages: [user], reference_answer: "891" }),
  batch: (index) => ({
    custom_id: `task-${index}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: "small", messages: [user] },
  }),
};

/** Enough for every target to say nothing of the number of rows. */
const enough = 50;

/** A row that the target takes. */
export function rightRow(target: string, index: number): object {
  return right[target]?.(index) ?? {};
}

export function targetNamed(name: string): Target {
  const found = targets.find((target) => target.name === name);
  if (found === undefined) throw new Error(`Expected a target, got \`${name}\``);
  return found;
}

/** Writes the file into `folder` and checks it for the target. */
export async function checkRows(target: string, file: RuleFile, folder: string): Promise<ExportProblem[]> {
  const { rows, padding = enough, bom = target.startsWith("azure"), name = "rows.jsonl", options = {} } = file;
  const path = join(folder, name);
  const before = Array.from({ length: padding }, (_, index) => rightRow(target, index));
  const lines = [...before, ...rows].map((row) =>
    typeof row === "string" || row instanceof Uint8Array ? row : JSON.stringify(row),
  );
  const bytes = lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")]);
  await writeFile(path, Buffer.concat([Buffer.from(bom ? "\uFEFF" : ""), ...bytes]));
  return await targetNamed(target).check(path, options);
}

/** A renderer that only counts, and always to the same number. */
export function countingTo(tokens: number): Renderer {
  const none = () => {
    throw new Error("counts only");
  };
  return { name: "counter", identity: {}, exact: false, count: () => tokens, render: none, tokenise: none };
}
