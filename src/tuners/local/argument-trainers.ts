// Trainers that take their settings on the command line: ms-swift, verl, NeMo-RL.
import {
  bashWord,
  hasModule,
  type LocalTrainer,
  launchScript,
  notTried,
  overLines,
  perDevice,
  requirements,
} from "./plan.ts";

/** ms-swift (SW-R1..R4): the loss flags of the rows decide. */
export function swiftTrainer(): LocalTrainer {
  return {
    name: "ms-swift",
    about: "ms-swift: `swift sft` with its arguments in launch.sh",
    formats: { "ms-swift": "messages" },
    version: "ms-swift 4.2 and later (read at 3602360, 2026-08)",
    tried: notTried,
    files(plan) {
      const given: Record<string, unknown> = {
        model: plan.model,
        // From the Hugging Face Hub, as with the other trainers; its own is ModelScope.
        use_hf: true,
        dataset: plan.data,
        ...(plan.validation === null
          ? { eval_strategy: "no" }
          : { val_dataset: plan.validation, eval_strategy: "epoch", per_device_eval_batch_size: perDevice }),
        split_dataset_ratio: 0,
        // Its own is LoRA.
        tuner_type: "full",
        torch_dtype: "bfloat16",
        num_train_epochs: plan.epochs,
        learning_rate: plan.learningRate,
        lr_scheduler_type: "cosine",
        warmup_ratio: 0.03,
        per_device_train_batch_size: perDevice,
        gradient_accumulation_steps: Math.max(1, Math.round(plan.batchSize / perDevice)),
        max_length: plan.maxLength,
        // Of its strategies the one that cuts nothing; `strict` makes a row that it would leave out an error.
        truncation_strategy: "delete",
        strict: true,
        loss_scale: "default",
        packing: false,
        gradient_checkpointing: true,
        logging_steps: 1,
        save_strategy: "epoch",
        output_dir: "output",
        report_to: "none",
        seed: plan.seed,
        data_seed: plan.seed,
        ...plan.extra,
      };
      return [
        requirements(["ms-swift>=4.2", "torch>=2.6"]),
        launchScript({
          present: "command -v swift",
          packages: ["ms-swift", "transformers", "torch"],
          command: `NPROC_PER_NODE="$GPUS" ${overLines(
            "swift sft",
            Object.entries(given).map(([name, value]) => `--${name} ${bashWord(value)}`),
          )}`,
        }),
      ];
    },
  };
}

/** verl's multi-turn SFT (VE-R2..R4): longer rows are an error, every assistant message is trained. */
export function verlTrainer(): LocalTrainer {
  return {
    name: "verl",
    about: "verl multi-turn SFT: torchrun with overrides in launch.sh",
    formats: { "verl-sft": "messages" },
    version: "verl at b178a3c (2026-01), its engine SFT trainer",
    tried: notTried,
    files(plan) {
      const given: Record<string, unknown> = {
        "data.train_files": plan.data,
        "data.val_files": plan.validation,
        "data.messages_key": "messages",
        "data.tools_key": "tools",
        "data.enable_thinking_key": "enable_thinking",
        "data.pad_mode": "no_padding",
        // Its own is 1024.
        "data.max_length": plan.maxLength,
        "data.truncation": "error",
        "data.ignore_input_ids_mismatch": false,
        "data.train_batch_size": plan.batchSize,
        "data.micro_batch_size_per_gpu": perDevice,
        "data.use_dynamic_bsz": true,
        "data.max_token_len_per_gpu": plan.maxLength,
        "model.path": plan.model,
        "model.enable_gradient_checkpointing": true,
        "optim.lr": plan.learningRate,
        "optim.lr_warmup_steps_ratio": 0.03,
        "optim.lr_scheduler_type": "cosine",
        // Weights that others can load beside what it resumes from.
        "checkpoint.save_contents": "[model,optimizer,extra,hf_model]",
        "trainer.total_epochs": plan.epochs,
        "trainer.save_freq": "after_each_epoch",
        "trainer.test_freq": plan.validation === null ? -1 : "after_each_epoch",
        "trainer.default_local_dir": "output",
        "trainer.project_name": "tracemill",
        "trainer.experiment_name": "sft",
        "trainer.logger": "[console]",
        "trainer.seed": plan.seed,
        ...plan.extra,
      };
      return [
        requirements(["verl>=0.7", "torch>=2.6"]),
        launchScript({
          present: hasModule("verl"),
          packages: ["verl", "transformers", "torch"],
          command: overLines('torchrun --standalone --nnodes=1 --nproc_per_node="$GPUS" -m verl.trainer.sft_trainer', [
            ...Object.entries(given).map(override),
            'trainer.n_gpus_per_node="$GPUS"',
          ]),
        }),
      ];
    },
  };
}

/** NeMo-RL (NM-R1, R4): its own SFT example with these settings over it. */
export function nemoTrainer(): LocalTrainer {
  return {
    name: "nemo-rl",
    about: "NeMo-RL: overrides of its SFT example; NEMO_RL names its checkout",
    formats: { "nemo-rl-steps": "steps", "nemo-rl": "messages" },
    version: "NeMo-RL at 7ea279a (2026-08)",
    tried: notTried,
    files(plan) {
      const dataset = (split: string, path: string) => ({
        [`++data.${split}.dataset_name`]: "openai_format",
        // The folder itself is put before it when it is launched: the trainer runs in its own checkout.
        [`++data.${split}.data_path`]: `$here/${path}`,
        [`++data.${split}.chat_key`]: "messages",
        [`++data.${split}.tool_key`]: "tools",
        [`++data.${split}.use_preserving_dataset`]: true,
      });
      const given: Record<string, unknown> = {
        "policy.model_name": plan.model,
        // The example's is a template of its own that knows no calls.
        "policy.tokenizer.chat_template": "default",
        "policy.train_global_batch_size": plan.batchSize,
        "policy.train_micro_batch_size": perDevice,
        // Its own is 1024, and longer rows are masked out whole.
        "policy.max_total_sequence_length": plan.maxLength,
        "policy.precision": "bfloat16",
        "policy.dtensor_cfg.activation_checkpointing": true,
        "policy.sequence_packing.enabled": false,
        "policy.optimizer.kwargs.lr": plan.learningRate,
        "sft.max_num_epochs": plan.epochs,
        // The example stops after 60 steps.
        "sft.max_num_steps": 1_000_000_000,
        "sft.seed": plan.seed,
        "sft.val_at_start": false,
        ...(plan.form === "steps" ? { "++sft.only_unmask_final": true } : {}),
        // The template writes what begins and ends a conversation.
        "data.add_bos": false,
        "data.add_eos": false,
        ...dataset("train", plan.data),
        // The example's is downloaded; without a file of its own it is named and not used.
        ...dataset("validation", plan.validation ?? plan.data),
        ...(plan.validation === null ? { "sft.val_period": 0 } : {}),
        "checkpointing.checkpoint_dir": "$here/output",
        "logger.log_dir": "$here/output/logs",
        "logger.wandb_enabled": false,
        ...plan.extra,
      };
      return [
        requirements(["# NeMo-RL runs from its checkout with uv; nothing to install here"]),
        launchScript({
          present: 'test -f "$(printenv NEMO_RL)/examples/run_sft.py" && command -v uv',
          missing: "NEMO_RL names no checkout of NeMo-RL with examples/run_sft.py, or uv is not here",
          packages: [],
          command: [
            'here="$PWD"',
            'cd "$NEMO_RL"',
            overLines('uv run examples/run_sft.py --config "$NEMO_RL/examples/configs/sft.yaml"', [
              'cluster.gpus_per_node="$GPUS"',
              ...Object.entries(given).map(override),
            ]),
          ].join("\n"),
        }),
      ];
    },
  };
}

/** A Hydra override as a word for bash; `$here` in it is the shell's. */
function override([name, value]: [string, unknown]): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.startsWith("$here/")) return `"${name}=$here"${bashWord(text.slice("$here".length))}`;
  return bashWord(`${name}=${text}`);
}
