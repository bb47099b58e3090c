// Trainers that read one YAML file: Axolotl, LLaMA-Factory.
import { stringify } from "yaml";
import { UsageError } from "../../domain/errors.ts";
import {
  type LocalFile,
  type LocalPlan,
  type LocalTrainer,
  launchScript,
  notTried,
  perDevice,
  requirements,
} from "./plan.ts";

function yamlFile(name: string, value: object): LocalFile {
  return { name, text: stringify(value, { lineWidth: 0 }) };
}

const accumulated = ({ batchSize }: Pick<LocalPlan, "batchSize">) => Math.max(1, Math.round(batchSize / perDevice));

/** Axolotl (AX-R1, R3, R4): the loss flag on every message decides, and nothing else. */
export function axolotlTrainer(): LocalTrainer {
  const dataset = (path: string, { form }: Pick<LocalPlan, "form">) =>
    form === "tokenised"
      ? { path, ds_type: "parquet", type: null }
      : {
          path,
          ds_type: "json",
          type: "chat_template",
          field_messages: "messages",
          field_tools: "tools",
          chat_template: "tokenizer_default",
          message_property_mappings: { role: "role", content: "content" },
          roles_to_train: [],
          message_field_training: "train",
          train_on_eos: "turn",
        };
  return {
    name: "axolotl",
    about: "Axolotl: one YAML config, loss by the flag on each message",
    formats: { axolotl: "messages", tokenised: "tokenised" },
    version: "Axolotl at 067b021 (2026-07)",
    tried: notTried,
    files: (plan) => [
      yamlFile("config.yaml", {
        base_model: plan.model,
        datasets: [dataset(plan.data, plan)],
        ...(plan.validation === null ? {} : { test_datasets: [{ ...dataset(plan.validation, plan), split: "train" }] }),
        val_set_size: 0,
        sequence_len: plan.maxLength,
        // Its own leaves longer rows out.
        excess_length_strategy: "raise",
        sample_packing: false,
        train_on_inputs: false,
        num_epochs: plan.epochs,
        learning_rate: plan.learningRate,
        lr_scheduler: "cosine",
        warmup_ratio: 0.03,
        optimizer: "adamw_torch",
        micro_batch_size: perDevice,
        gradient_accumulation_steps: accumulated(plan),
        bf16: true,
        gradient_checkpointing: true,
        logging_steps: 1,
        saves_per_epoch: 1,
        ...(plan.validation === null ? {} : { evals_per_epoch: 1 }),
        output_dir: "./output",
        dataset_prepared_path: "./prepared",
        seed: plan.seed,
        ...plan.extra,
      }),
      requirements(["axolotl>=0.16", "torch>=2.6"]),
      launchScript({
        present: "command -v axolotl",
        packages: ["axolotl", "transformers", "torch"],
        command: "axolotl train config.yaml",
      }),
    ],
  };
}

const tags = {
  role_tag: "from",
  content_tag: "value",
  user_tag: "human",
  assistant_tag: "gpt",
  observation_tag: "observation",
  function_tag: "function_call",
  system_tag: "system",
};

/** LLaMA-Factory (LF-R1, R5, R6, R7): rows of one step each are trained on their last turn alone. */
export function llamaFactoryTrainer(): LocalTrainer {
  // It reads a column that is named here from every row, and fails where no row of the file has it.
  const entry = (path: string, { has }: Pick<LocalPlan, "has">) => ({
    file_name: path.replace(/^data\//, ""),
    formatting: "sharegpt",
    columns: {
      messages: "conversations",
      ...(has.system ? { system: "system" } : {}),
      ...(has.tools ? { tools: "tools" } : {}),
    },
    tags,
  });
  return {
    name: "llama-factory",
    about: "LLaMA-Factory: one YAML config and dataset_info.json",
    formats: { "llama-factory-steps": "steps", "llama-factory": "messages" },
    version: "LLaMA-Factory at ff6d4d1 (2026-08)",
    tried: notTried,
    files(plan) {
      const template = plan.extra.template ?? templateOf(plan.model);
      return [
        yamlFile("config.yaml", {
          model_name_or_path: plan.model,
          stage: "sft",
          do_train: true,
          finetuning_type: "full",
          dataset_dir: "data",
          dataset: "train",
          ...(plan.validation === null
            ? {}
            : { eval_dataset: "validation", eval_strategy: "epoch", per_device_eval_batch_size: 1 }),
          template,
          // Where a row has no thinking its templates write an empty one: with false that carries no loss.
          enable_thinking: plan.has.thinking,
          // Its own is 2048.
          cutoff_len: plan.maxLength,
          train_on_prompt: false,
          mask_history: plan.form === "steps",
          packing: false,
          num_train_epochs: plan.epochs,
          learning_rate: plan.learningRate,
          lr_scheduler_type: "cosine",
          warmup_ratio: 0.03,
          per_device_train_batch_size: perDevice,
          gradient_accumulation_steps: accumulated(plan),
          bf16: true,
          logging_steps: 1,
          save_strategy: "epoch",
          output_dir: "output",
          report_to: "none",
          seed: plan.seed,
          ...plan.extra,
        }),
        {
          name: "data/dataset_info.json",
          text: `${JSON.stringify(
            {
              train: entry(plan.data, plan),
              ...(plan.validation === null ? {} : { validation: entry(plan.validation, plan) }),
            },
            null,
            2,
          )}\n`,
        },
        requirements(["llamafactory>=0.9.4", "torch>=2.6"]),
        launchScript({
          present: "command -v llamafactory-cli",
          packages: ["llamafactory", "transformers", "torch"],
          command: "llamafactory-cli train config.yaml",
        }),
      ];
    },
  };
}

function templateOf(model: string): string {
  if (/qwen3/i.test(model)) return "qwen3";
  throw new UsageError(
    `Expected \`--set template=…\` for \`${model}\` with LLaMA-Factory, got none: it has its own names for chat templates (its README lists them); only Qwen3's is known here`,
  );
}
