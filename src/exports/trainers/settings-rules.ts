// The rules that are about a trainer's settings and not about its file: with other values the same file is cut, or trained where it must not be. Pure.
import { isObject, type LineProblem, shown } from "../chat-line.ts";

/** The trainers whose settings are known here. */
export type RuledTrainer = "trl" | "llama-factory" | "axolotl" | "ms-swift" | "nemo-rl";

/** How rows say what is trained: whole conversations, one step each (the last message), or labels by token. */
export type RowForm = "messages" | "steps" | "tokenised";

interface SettingRule {
  readonly rule: string;
  /** As the trainer names it; of dotted names the end is enough (`.chat_key`). */
  readonly key: string;
  /** What is left out has a value that breaks the file. */
  readonly needed: boolean;
  readonly fits: (value: unknown) => boolean;
  readonly expected: string;
  readonly why: string;
  readonly forms?: readonly RowForm[];
  /** It limits the length of a row, in tokens. */
  readonly limits?: true;
}

const isLength = (value: unknown) => Number.isInteger(value) && (value as number) > 0;
const length = { needed: true, limits: true, fits: isLength, expected: "a length in tokens" } as const;
const is = (wanted: unknown) => ({ fits: (value: unknown) => value === wanted, expected: shown(wanted) });
const isNot = (unwanted: unknown) => ({
  fits: (value: unknown) => value !== unwanted,
  expected: `anything but ${shown(unwanted)}`,
});

const trlRules: readonly SettingRule[] = [
  {
    ...{ rule: "TR-R4", key: "max_length", ...length, expected: "a length in tokens, or null" },
    fits: (value) => value === null || isLength(value),
    why: "its own is 1024, and it cuts longer rows silently",
  },
  {
    ...{ rule: "TR-R5", key: "assistant_only_loss", needed: true, forms: ["messages"], ...is(true) },
    why: "without it questions and observations are trained",
  },
  {
    ...{ rule: "TR-R6", key: "completion_only_loss", needed: false, forms: ["steps"], ...isNot(false) },
    why: "the prompt would be trained",
  },
];

const llamaFactoryRules: readonly SettingRule[] = [
  { ...{ rule: "LF-R5", key: "cutoff_len", ...length }, why: "its own is 2048, and it cuts longer rows" },
  {
    ...{ rule: "LF-R6", key: "train_on_prompt", needed: false, ...isNot(true) },
    why: "questions and observations would be trained",
  },
  {
    ...{ rule: "LF-R7", key: "mask_history", needed: true, forms: ["steps"], ...is(true) },
    why: "rows of one step train their last turn alone",
  },
  {
    ...{ rule: "LF-R6", key: "mask_history", needed: false, forms: ["messages"], ...isNot(true) },
    why: "of a whole conversation only the last turn would be trained",
  },
];

const axolotlRules: readonly SettingRule[] = [
  { ...{ rule: "AX-R1", key: "sequence_len", ...length }, why: "its own is 512, and longer rows are left out" },
  {
    ...{ rule: "AX-R1", key: "excess_length_strategy", needed: false, ...isNot("truncate") },
    why: "longer rows would be cut",
  },
  {
    ...{ rule: "AX-R3", key: "message_field_training", needed: true, forms: ["messages"], ...is("train") },
    why: "the flags on the messages would not be read",
  },
  {
    ...{ rule: "AX-R3", key: "roles_to_train", needed: true, forms: ["messages"], expected: "`[]`" },
    fits: (value) => Array.isArray(value) && value.length === 0,
    why: "the flags alone decide",
  },
  {
    ...{ rule: "AX-R3", key: "train_on_eos", needed: true, forms: ["messages"], ...is("turn") },
    why: "with `all` ends of masked messages are trained, with none the model learns no end",
  },
  {
    ...{ rule: "AX-R3", key: "train_on_inputs", needed: false, ...isNot(true) },
    why: "questions and observations would be trained",
  },
  {
    ...{ rule: "AX-R4", key: "type", needed: false, forms: ["tokenised"], expected: "nothing" },
    fits: (value) => value === null || value === "",
    why: "tokens are taken as they are only without a type",
  },
];

const swiftRules: readonly SettingRule[] = [
  { ...{ rule: "SW-R4", key: "max_length", ...length }, why: "its own is the model's, and longer rows are left out" },
  {
    ...{ rule: "SW-R4", key: "truncation_strategy", needed: false, ...is("delete") },
    why: "other strategies cut rows",
  },
  {
    ...{ rule: "SW-R3", key: "loss_scale", needed: false, ...is("default") },
    why: "the flags on the messages decide; others weigh parts of them otherwise, or train the prompt",
  },
];

const nemoRules: readonly SettingRule[] = [
  { ...{ rule: "NM-R1", key: ".dataset_name", needed: true, ...is("openai_format") }, why: "the file has that form" },
  { ...{ rule: "NM-R1", key: ".chat_key", needed: false, ...is("messages") }, why: "the column has that name" },
  { ...{ rule: "NM-R1", key: ".tool_key", needed: false, ...is("tools") }, why: "the column has that name" },
  {
    ...{ rule: "NM-R1", key: ".use_preserving_dataset", needed: true, ...is(true) },
    why: "otherwise arguments are filled with nulls",
  },
  {
    ...{ rule: "NM-R4", key: "policy.max_total_sequence_length", ...length },
    why: "its own is 1024, and longer rows are masked out whole",
  },
  {
    ...{ rule: "NM-R1", key: "sft.only_unmask_final", needed: true, forms: ["steps"], ...is(true) },
    why: "rows of one step train their last message alone",
  },
  {
    ...{ rule: "NM-R1", key: "sft.only_unmask_final", needed: false, forms: ["messages"], ...isNot(true) },
    why: "of a whole conversation only the last message would be trained",
  },
];

const rulesOf: Readonly<Record<RuledTrainer, readonly SettingRule[]>> = {
  trl: trlRules,
  "llama-factory": llamaFactoryRules,
  axolotl: axolotlRules,
  "ms-swift": swiftRules,
  "nemo-rl": nemoRules,
};

/** Whether the rules of a trainer's settings are known here. */
export function hasSettingsRules(trainer: string): trainer is RuledTrainer {
  return trainer in rulesOf;
}

/**
 * What a trainer's settings break of its numbered rules, for rows of `form`. Settings are as the trainer names them, nested or with dots; lists
 * (`datasets`) are looked into. `part: true`: they go over sound ones, so what is not among them is no problem. `longest`: tokens of the longest row.
 */
export function settingsProblems(
  trainer: RuledTrainer,
  settings: Readonly<Record<string, unknown>>,
  options: { readonly form?: RowForm; readonly part?: boolean; readonly longest?: number } = {},
): LineProblem[] {
  const { form = "messages", part = false, longest = 0 } = options;
  const given = [...flat(settings, "")];
  return rulesOf[trainer]
    .filter(({ forms }) => forms === undefined || forms.includes(form))
    .flatMap(({ rule, key, needed, fits, expected, why, limits = false }) => {
      const found = given.filter(([name]) => name === key || name.endsWith(key.startsWith(".") ? key : `.${key}`));
      if (found.length === 0)
        return needed && !part
          ? [{ rule, field: key.replace(/^\./, ""), message: `Expected ${expected}, got nothing: ${why}` }]
          : [];
      return found.flatMap(([field, value]) => {
        if (!fits(value)) return [{ rule, field, message: `Expected ${expected}, got ${shown(value)}: ${why}` }];
        if (!limits || typeof value !== "number" || value >= longest) return [];
        return [{ rule, field, message: `Expected at least ${longest} tokens, the longest row, got ${value}: ${why}` }];
      });
    });
}

/** Every setting under its dotted name, without what Hydra puts before it. */
function* flat(value: Readonly<Record<string, unknown>>, at: string): Generator<readonly [string, unknown]> {
  for (const [key, inner] of Object.entries(value)) {
    const name = `${at}${key.replace(/^\++/, "")}`;
    const parts = Array.isArray(inner) && inner.some(isObject) ? { ...(inner as unknown[]) } : inner;
    if (isObject(parts) && Object.keys(parts).length > 0) yield* flat(parts, `${name}.`);
    else yield [name, inner];
  }
}
