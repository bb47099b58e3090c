import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExportedFile, Exporter } from "../../src/contracts.ts";
import type { Example, ExampleMessage } from "../../src/domain/example.ts";
import type { ToolDefinition } from "../../src/domain/trajectory.ts";
import { collectPlaces } from "../../src/exports/places.ts";
import { exportItems } from "../../src/exports/write-all.ts";

/** An example with a failed cell that is repaired: five messages, the first assistant message masked. */
export function exampleOf(index: number, changes: Partial<Example> = {}): Example {
  const n = String(index).padStart(4, "0");
  return {
    id: `example_${n}`,
    group: `dataset_${index % 3}`,
    taskId: `task_${n}`,
    queryId: `query_${n}`,
    trajectoryId: `trajectory_${n}`,
    transforms: index % 2 === 0 ? [] : ["closed-tag"],
    messages: [
      say("system", "You are a data scientist."),
      say("user", `How many rows has table ${index}?`),
      say("assistant", "<reasoning>Count.</reasoning>\n<python>\nlen(fd)\n</python>"),
      say("user", "<information>NameError: name 'fd' is not defined</information>"),
      say("assistant", `<answer>${index}</answer>`, true),
    ],
    ...changes,
  };
}

/** The function of the scaffold `tools`, as an example offers it. */
export const pythonTool: ToolDefinition = {
  name: "python",
  description: "Runs Python.",
  parameters: { type: "object", properties: { code: { type: "string" } }, required: ["code"] },
};

/** An example of native calls: one that is answered, with `code` in it, then the answer. */
export function callingExample(index: number, code = "len(df)", changes: Partial<Example> = {}): Example {
  const [system, asked] = exampleOf(index).messages as [ExampleMessage, ExampleMessage];
  return exampleOf(index, {
    tools: [pythonTool],
    messages: [
      system,
      asked,
      {
        ...say("assistant", "", true),
        toolCalls: [{ id: "call_1", name: "python", arguments: JSON.stringify({ code }) }],
      },
      { ...say("tool", "344"), toolCallId: "call_1" },
      say("assistant", "So <answer>344</answer>", true),
    ],
    ...changes,
  });
}

/** Texts that formats get wrong. */
export const hardTexts = [
  "naïve Ω 漢字 \u{1F600} e\u0301",
  "line\r\nline\n\u2028\u2029\ttab \u0085 \u0001",
  ' "quoted", \\back\\ and /slash/, comma ',
  "a \uFEFFbom, \uFFFD and \uE000",
  " ",
  `${"x".repeat(5 * 1024 * 1024 - 1)}é`,
];

export function say(role: ExampleMessage["role"], content: string, train = false): ExampleMessage {
  return { role, content, train };
}

export async function* streamOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

export function count(length: number): Example[] {
  return Array.from({ length }, (_, index) => exampleOf(index));
}

/** A folder that is removed when its scope ends. */
export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string; at(name: string): string }> {
  const path = await mkdtemp(join(tmpdir(), "tracemill-export-"));
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Writes examples in every format as a run without splits does; files in the order of the formats, `indexPath` is examples.csv. */
export async function exportExamples({
  examples,
  indexPath,
  ...options
}: {
  readonly examples: AsyncIterable<Example>;
  readonly exporters: readonly Exporter[];
  readonly folder: string;
  readonly indexPath?: string;
  readonly watch?: (example: Example) => void;
}): Promise<ExportedFile[]> {
  await using places = indexPath === undefined ? null : collectPlaces(indexPath);
  const formats = await exportItems({
    ...options,
    splits: [{ name: "train", items: examples }],
    folders: false,
    ...(places === null ? {} : { places }),
  });
  await places?.join(options.folder);
  return formats.flatMap(({ files }) => files);
}
