import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { hasSettingsRules, type RowForm, settingsProblems } from "../../src/exports/trainers/settings-rules.ts";
import { localTrainers } from "../../src/tuners/local/index.ts";
import type { LocalPlan } from "../../src/tuners/local/plan.ts";

type Settings = Record<string, unknown>;

const dataset = { type: "chat_template", roles_to_train: [], message_field_training: "train", train_on_eos: "turn" };
const nemoData = {
  ...{ "data.train.dataset_name": "openai_format", "data.train.chat_key": "messages", "data.train.tool_key": "tools" },
  "++data.train.use_preserving_dataset": true,
};

// [rule, trainer, form, what breaks, settings that break it, settings that keep it]
const cases: [string, Parameters<typeof settingsProblems>[0], RowForm, string, Settings, Settings][] = [
  ["TR-R4", "trl", "steps", "no length", {}, { max_length: 4096 }],
  ["TR-R4", "trl", "steps", "a length that is text", { max_length: "4096" }, { max_length: null }],
  [
    "TR-R5",
    "trl",
    "messages",
    "loss on everything",
    { max_length: 4096 },
    { max_length: 4096, assistant_only_loss: true },
  ],
  [
    "TR-R6",
    "trl",
    "steps",
    "loss on the prompt",
    { max_length: 4096, completion_only_loss: false },
    { max_length: 4096, completion_only_loss: true },
  ],
  ["LF-R5", "llama-factory", "messages", "no length", {}, { cutoff_len: 4096 }],
  [
    "LF-R6",
    "llama-factory",
    "messages",
    "loss on the prompt",
    { cutoff_len: 4096, train_on_prompt: true },
    { cutoff_len: 4096, train_on_prompt: false },
  ],
  [
    "LF-R6",
    "llama-factory",
    "messages",
    "whole conversations of which the last turn counts",
    { cutoff_len: 4096, mask_history: true },
    { cutoff_len: 4096, mask_history: false },
  ],
  [
    "LF-R7",
    "llama-factory",
    "steps",
    "context that counts",
    { cutoff_len: 4096 },
    { cutoff_len: 4096, mask_history: true },
  ],
  ["AX-R1", "axolotl", "messages", "no length", { datasets: [dataset] }, { sequence_len: 4096, datasets: [dataset] }],
  [
    "AX-R1",
    "axolotl",
    "messages",
    "rows that are cut",
    { sequence_len: 4096, excess_length_strategy: "truncate", datasets: [dataset] },
    { sequence_len: 4096, excess_length_strategy: "raise", datasets: [dataset] },
  ],
  [
    "AX-R3",
    "axolotl",
    "messages",
    "roles that decide",
    { sequence_len: 4096, datasets: [{ ...dataset, roles_to_train: ["assistant"] }] },
    { sequence_len: 4096, datasets: [dataset] },
  ],
  [
    "AX-R3",
    "axolotl",
    "messages",
    "flags that are not read",
    { sequence_len: 4096, datasets: [{ ...dataset, message_field_training: undefined }] },
    { sequence_len: 4096, datasets: [dataset] },
  ],
  [
    "AX-R4",
    "axolotl",
    "tokenised",
    "a type for tokens",
    { sequence_len: 4096, datasets: [{ type: "chat_template" }] },
    { sequence_len: 4096, datasets: [{ type: null }] },
  ],
  [
    "SW-R3",
    "ms-swift",
    "messages",
    "loss on everything",
    { max_length: 4096, loss_scale: "all" },
    { max_length: 4096, loss_scale: "default" },
  ],
  [
    "SW-R4",
    "ms-swift",
    "messages",
    "rows that are cut",
    { max_length: 4096, truncation_strategy: "right" },
    { max_length: 4096, truncation_strategy: "delete" },
  ],
  [
    "NM-R1",
    "nemo-rl",
    "messages",
    "arguments filled with nulls",
    { ...nemoData, "++data.train.use_preserving_dataset": false, "policy.max_total_sequence_length": 4096 },
    { ...nemoData, "policy.max_total_sequence_length": 4096 },
  ],
  [
    "NM-R1",
    "nemo-rl",
    "steps",
    "context that counts",
    { ...nemoData, policy: { max_total_sequence_length: 4096 } },
    { ...nemoData, policy: { max_total_sequence_length: 4096 }, "++sft.only_unmask_final": true },
  ],
  ["NM-R4", "nemo-rl", "messages", "no length", nemoData, { ...nemoData, policy: { max_total_sequence_length: 4096 } }],
];

test.each(cases)("%s: %s with rows of %s tells %s", (rule, trainer, form, _what, bad, fine) => {
  const found = settingsProblems(trainer, bad, { form });
  expect(found.map((problem) => problem.rule)).toContain(rule);
  for (const { message } of found) expect(message).toMatch(/^Expected .+, got .+: /);
  // A sound one says nothing but of what else that form needs.
  expect(settingsProblems(trainer, fine, { form }).map((problem) => problem.rule)).not.toContain(rule);
  expect(settingsProblems(trainer, fine, { form, part: true })).toEqual([]);
});

test("every rule of settings has a case here", () => {
  const code = readFileSync(new URL("../../src/exports/trainers/settings-rules.ts", import.meta.url), "utf8");
  const told = [...code.matchAll(/rule: "([A-Z]{2}-R\d+)"/g)].map(([, id]) => id ?? "");
  expect([...new Set(told)].sort()).toEqual([...new Set(cases.map(([rule]) => rule))].sort());
});

test("a length below the longest row is told, and one that is not among the user's own is not missed", () => {
  const told = (settings: Settings, longest: number) =>
    settingsProblems("llama-factory", settings, { part: true, longest }).map(({ rule, field }) => [rule, field]);
  expect(told({ cutoff_len: 2048 }, 2049)).toEqual([["LF-R5", "cutoff_len"]]);
  expect(told({ cutoff_len: 2049 }, 2049)).toEqual([]);
  expect(told({}, 2049)).toEqual([]);
});

/** The settings of a folder as a trainer would read them: its config, or the words of its command. */
function settingsOf(files: readonly { readonly name: string; readonly text: string }[]): Settings {
  const config = files.find(({ name }) => name === "config.yaml" || name === "config.json");
  if (config !== undefined) return parse(config.text) as Settings;
  const launch = files.find(({ name }) => name === "launch.sh")?.text ?? "";
  const words = [...launch.matchAll(/^ {2}(?:--(\w+) (\S+)|["']?(\+*[\w.]+)=(.*?)["']?)(?: \\)?$/gm)].map(
    ([, flag, value, name, given]) => [flag ?? name ?? "", parse((value ?? given ?? "").replaceAll('"', ""))] as const,
  );
  expect(words.length).toBeGreaterThan(10);
  return Object.fromEntries(words);
}

const plan: LocalPlan = {
  ...{ data: "data/train.jsonl", validation: "data/validation.jsonl", form: "messages", model: "Qwen/Qwen3-4B" },
  ...{ maxLength: 4096, epochs: 6, learningRate: 2e-5, batchSize: 16, seed: 42, extra: {} },
  has: { tools: true, system: true, thinking: true },
};

const written = localTrainers.flatMap((trainer) =>
  hasSettingsRules(trainer.name)
    ? Object.values(trainer.formats).map((form) => [trainer.name, form, trainer] as const)
    : [],
);

test.each(written)(
  "the folder that is written for %s with rows of %s keeps every rule of its settings",
  (name, form) => {
    const trainer = written.find(([one]) => one === name)?.[2];
    if (trainer === undefined || !hasSettingsRules(name)) throw new Error(`Expected ${name} in the list`);
    const settings = settingsOf(trainer.files({ ...plan, form }));
    expect(settingsProblems(name, settings, { form, longest: 4096 })).toEqual([]);
    expect(settingsProblems(name, settings, { form, longest: 4097 })).toHaveLength(1);
  },
);

test("every trainer with a format and a folder here has rules, but for verl, whose are its file's", () => {
  expect([...new Set(written.map(([name]) => name))].sort()).toEqual(
    localTrainers
      .map(({ name }) => name)
      .filter((name) => name !== "verl")
      .sort(),
  );
});
