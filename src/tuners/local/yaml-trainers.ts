// Trainers that read one YAML file: Axolotl, LLaMA-Factory, NeMo-RL.
import { stringify } from "yaml";
import { UsageError } from "../../domain/errors.ts";
import { type LocalFile, type LocalPlan, type LocalTrainer, launchScript, perDevice, requirements } from "./plan.ts";

function yamlFile(name: string, value: object): LocalFile {
  return { name, text: stringify(value, { lineWidth: 0 }) };
}

const accumulated = ({ batchSize }: Pick<LocalPlan, "batchSize">) => Math.max(1, Math.round(batchSize / perDevice));

/** Axolotl (AX-R1, R3, R4): the loss flag on every message decides, and nothing else. */
export function axolotlTrainer(): LocalTrainer {
  const dataset = (path: string, { form }: Pick<LocalPlan, "form">) =>
    form === "tokenised"
      ? { path, ds_type: "parquet", type: "" }
      : {
          path,
          ds_type: "json",
          type: "chat_template",
          field_messages: "messages",
          field_tools: "tools",
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
    files: (plan) => [
      yamlFile("config.yaml", {
        base_model: plan.model,
        datasets: [dataset(plan.data, plan)],
        ...(plan.validation === null ? {} : { test_datasets: [{ ...dataset(plan.validation, plan), split: "train" }] }),
        val_set_size: 0,
        sequence_len: plan.maxLength,
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
        seed: plan.seed,
        ...plan.extra,
      }),
      requirements(["axolotl>=0.12"]),
      launchScript({ looksFor: "command -v axolotl", command: "axolotl train config.yaml" }),
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
  const entry = (path: string) => ({
    file_name: path.replace(/^data\//, ""),
    formatting: "sharegpt",
    columns: { messages: "conversations", system: "system", tools: "tools" },
    tags,
  });
  return {
    name: "llama-factory",
    about: "LLaMA-Factory: one YAML config and dataset_info.json",
    formats: { "llama-factory-steps": "steps", "llama-factory": "messages" },
    version: "LLaMA-Factory at ff6d4d1 (2026-08)",
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
          overwrite_output_dir: true,
          report_to: "none",
          seed: plan.seed,
          ...plan.extra,
        }),
        {
          name: "data/dataset_info.json",
          text: `${JSON.stringify(
            { train: entry(plan.data), ...(plan.validation === null ? {} : { validation: entry(plan.validation) }) },
            null,
            2,
          )}\n`,
        },
        requirements(["llamafactory>=0.9.3"]),
        launchScript({ looksFor: "command -v llamafactory-cli", command: "llamafactory-cli train config.yaml" }),
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

/** NeMo-RL (NM-R1, R4): its own SFT example with these settings over it. */
export function nemoTrainer(): LocalTrainer {
  return {
    name: "nemo-rl",
    about: "NeMo-RL: overrides of its SFT example; NEMO_RL names its checkout",
    formats: { "nemo-rl-steps": "steps", "nemo-rl": "messages" },
    version: "NeMo-RL at 7ea279a (2026-08)",
    files: (plan) => [
      yamlFile("config.yaml", {
        // Its launcher reads the example that this extends from the checkout.
        defaults: "NEMO_RL/examples/configs/sft.yaml",
        policy: {
          model_name: plan.model,
          tokenizer: { name: plan.model },
          train_global_batch_size: plan.batchSize,
          train_micro_batch_size: perDevice,
          // Its own is 1024, and longer rows are masked out whole.
          max_total_sequence_length: plan.maxLength,
          precision: "bfloat16",
          optimizer: { kwargs: { lr: plan.learningRate } },
        },
        sft: { max_num_epochs: plan.epochs, seed: plan.seed, val_at_start: false },
        data: {
          dataset_name: "openai_format",
          train_data_path: plan.data,
          val_data_path: plan.validation ?? plan.data,
          chat_key: "messages",
          tool_key: "tools",
          use_preserving_dataset: true,
          ...(plan.form === "steps" ? { only_unmask_final: true } : {}),
        },
        checkpointing: { checkpoint_dir: "output" },
        ...plan.extra,
      }),
      requirements(["# NeMo-RL runs from its checkout with uv; nothing to install here"]),
      launchScript({
        looksFor: 'test -f "$(printenv NEMO_RL)/examples/run_sft.py"',
        command: [
          'sed -i "s#NEMO_RL/#$NEMO_RL/#" config.yaml',
          'here="$PWD"',
          'cd "$NEMO_RL"',
          'uv run examples/run_sft.py --config "$here/config.yaml" cluster.gpus_per_node="$GPUS" \\',
          '  data.train_data_path="$here/' +
            plan.data +
            '" data.val_data_path="$here/' +
            (plan.validation ?? plan.data) +
            '" checkpointing.checkpoint_dir="$here/output"',
        ].join("\n"),
      }),
    ],
  };
}
