// What the trainers' formats decide beyond a row's shape: where loss falls, what has no row, what lies beside a file.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { Exporter } from "../../src/contracts.ts";
import type { ExampleMessage } from "../../src/domain/example.ts";
import type { LabelledTry, PreferencePair, ProductItems } from "../../src/domain/products.ts";
import { exporters } from "../../src/exports/index.ts";
import { callingExample, exampleOf, pythonTool, say, scratchFolder, streamOf } from "./export-fixtures.ts";

type Row = Record<string, unknown>;

function formatNamed<Item>(name: string): Exporter<Item> {
  const found = exporters.find((exporter) => exporter.name === name);
  if (found === undefined) throw new Error(`Expected the format ${name}`);
  return found as unknown as Exporter<Item>;
}

/** The rows of a format; its own check has to find nothing in them. */
async function rowsOf(name: string, ...items: ProductItems[keyof ProductItems][]): Promise<Row[]> {
  await using folder = await scratchFolder();
  const format = formatNamed(name);
  const path = folder.at(format.fileName);
  await format.write(streamOf(items) as AsyncIterable<never>, path);
  const rows = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  if (rows.length > 0) expect(await format.check(path)).toEqual([]);
  return rows.map((line) => JSON.parse(line) as Row);
}

const calls = (id: string, code: string, more: Partial<ExampleMessage> = {}): ExampleMessage => ({
  ...say("assistant", "", true),
  toolCalls: [{ id, name: "python", arguments: JSON.stringify({ code }) }],
  ...more,
});
const answers = (id: string, content: string): ExampleMessage => ({ ...say("tool", content), toolCallId: id });
const origin = { group: "dataset_1", dataset: "titanic", taskId: "task_1", queryId: "query_1" };
const asked = [
  say("user", "How many rows?"),
  calls("call_1", "df", { reasoning: "Look." }),
  answers("call_1", "a table"),
];

const pair: PreferencePair = {
  ...{ id: "pair_1", ...origin, chosenTrajectoryId: "trajectory_1", rejectedTrajectoryId: "trajectory_2" },
  prompt: asked,
  chosen: [
    calls("call_2", "len(df)", { reasoning: "Count." }),
    answers("call_2", "891"),
    calls("call_3", "len(fd)", { train: false }),
    answers("call_3", "NameError"),
    say("assistant", "891", true),
  ],
  rejected: [calls("call_2", "len(fd)", { train: false }), answers("call_2", "NameError"), say("assistant", "900")],
  tools: [pythonTool],
  reason: { stage: "accept", code: "wrong_answer", message: "900 is not 891" },
};
const tried: LabelledTry = {
  ...{ id: "try_1", ...origin, trajectoryId: "trajectory_2", label: false, tools: [pythonTool], reason: pair.reason },
  messages: [...asked, ...pair.rejected],
};

/** Roles of a list of messages. */
const roles = (messages: unknown) => (messages as Row[]).map(({ role }) => role);

test("TRL compares every token after the prompt, so what stands there is one message of the model's, and thinking in it alone", async () => {
  const [preference] = await rowsOf("trl-preference", pair);
  expect(roles(preference?.prompt)).toEqual(["user", "assistant", "tool"]);
  expect(JSON.stringify(preference?.prompt)).not.toContain("Look.");
  expect([roles(preference?.chosen), roles(preference?.rejected)]).toEqual([["assistant"], ["assistant"]]);
  expect(preference?.chosen).toMatchObject([
    { reasoning_content: "Count.", tool_calls: [{ function: { arguments: { code: "len(df)" } } }] },
  ]);
  const [kto] = await rowsOf("trl-kto", tried);
  expect(roles(kto?.prompt)).toEqual(["user", "assistant", "tool", "assistant", "tool"]);
  expect(kto).toMatchObject({ completion: [{ role: "assistant", content: "900" }], label: false });
});

test.each(["trl", "trl-steps", "trl-preference", "trl-kto"])(
  "%s has the same columns for the template on every row, with thinking or without",
  async (name) => {
    const thoughts = (messages: readonly ExampleMessage[]) =>
      messages.map((message) => (message.role === "assistant" ? { ...message, reasoning: "So." } : message));
    const plain = callingExample(0);
    const items: Record<string, ProductItems[keyof ProductItems][]> = {
      "trl-preference": [
        pair,
        { ...pair, chosen: [say("assistant", "891", true)], rejected: [say("assistant", "900")] },
      ],
      "trl-kto": [tried, { ...tried, messages: thoughts(tried.messages) }],
    };
    const rows = await rowsOf(name, ...(items[name] ?? [plain, { ...plain, messages: thoughts(plain.messages) }]));
    expect(JSON.stringify(rows)).toContain("reasoning_content");
    expect(rows.length).toBeGreaterThan(1);
    // One that lacks it would be given null by datasets, and TRL stops on null.
    for (const row of rows) expect(row.chat_template_kwargs).toEqual({ enable_thinking: true });
  },
);

test("ms-swift compares what flags say: nothing that both tries share, of a bad one all that was said", async () => {
  const flags = (messages: unknown) => (messages as Row[]).flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  const [row] = await rowsOf("ms-swift-preference", pair);
  // The thinking before a call is a message of its own.
  expect(flags(row?.messages)).toEqual([false, false, true, true, false, true]);
  expect(flags(row?.rejected_messages)).toEqual([false, false, true, true]);
  const [bad, good] = await rowsOf("ms-swift-kto", tried, { ...tried, label: true, reason: null });
  expect(flags(bad?.messages)).toEqual([true, true, true, true]);
  expect(flags(good?.messages)).toEqual([true, true, false, false]);
});

test("LLaMA-Factory: every row has every column, and what cannot alternate has no row", async () => {
  const [row] = await rowsOf("llama-factory-steps", exampleOf(1, { messages: exampleOf(1).messages.slice(1) }));
  expect(row).toMatchObject({ system: "", tools: "" });
  expect(
    await rowsOf("llama-factory-kto", {
      ...tried,
      messages: [...asked, say("user", "Well?"), say("assistant", "900")],
    }),
  ).toEqual([]);
  expect(await rowsOf("llama-factory-preference", { ...pair, prompt: pair.prompt.slice(0, 2) })).toEqual([]);
  const [kto] = await rowsOf("llama-factory-kto", tried);
  expect(JSON.stringify(kto)).not.toContain("Look.");
});

test.each(["llama-factory", "llama-factory-steps", "llama-factory-preference", "llama-factory-kto"])(
  "%s: the registry that is written beside its files keeps LF-R1, for rows with functions and without",
  async (name) => {
    const plain = exampleOf(0, { messages: [say("user", "Rows?"), say("assistant", "891", true)] });
    const { tools: _, ...untold } = tried;
    const { tools: __, ...bare } = pair;
    const items = {
      "llama-factory-preference": [
        {
          ...bare,
          prompt: [say("user", "Rows?")],
          chosen: [say("assistant", "1", true)],
          rejected: [say("assistant", "2")],
        },
        pair,
      ],
      "llama-factory-kto": [{ ...untold, messages: [say("user", "Rows?"), say("assistant", "900")] }, tried],
    };
    for (const item of items[name as keyof typeof items] ?? [plain, callingExample(0)]) {
      await using folder = await scratchFolder();
      const format = formatNamed(name);
      const file = await format.write(streamOf([item]) as AsyncIterable<never>, folder.at(format.fileName));
      expect(file.rows).toBeGreaterThan(0);
      const [registry] = format.companions?.([{ file: format.fileName, split: "train" }]) ?? [];
      await writeFile(folder.at("dataset_info.json"), registry?.text ?? "");
      expect(await format.check(folder.at(format.fileName))).toEqual([]);
    }
  },
);

test("Axolotl's snippet trains on the training files alone", () => {
  const files = [
    { file: "axolotl/train-00000-of-00001.jsonl", split: "train" },
    { file: "axolotl/validation-00000-of-00001.jsonl", split: "validation" },
    { file: "axolotl/test-00000-of-00001.jsonl", split: "test" },
  ];
  const [snippet] = formatNamed("axolotl").companions?.(files) ?? [];
  const { datasets, test_datasets: tests } = parse(snippet?.text ?? "") as Record<string, Row[]>;
  const flags = { type: "chat_template", roles_to_train: [], message_field_training: "train", train_on_eos: "turn" };
  expect(datasets).toEqual([expect.objectContaining({ path: files[0]?.file, ...flags })]);
  expect(tests).toEqual([expect.objectContaining({ path: files[1]?.file, split: "train", ...flags })]);
  expect(parse(formatNamed("axolotl").companions?.(files.slice(0, 1))[0]?.text ?? "")).not.toHaveProperty(
    "test_datasets",
  );
});
