// Trainers that take their settings on the command line: ms-swift, verl.
import { type LocalTrainer, launchScript, perDevice, requirements } from "./plan.ts";

/** An argument for bash, quoted where it has to be. */
function word(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function lines(first: string, rest: readonly string[]): string {
  return [first, ...rest.map((line) => `  ${line}`)].join(" \\\n");
}

/** ms-swift (SW-R1..R4): the loss flags of the rows decide. */
export function swiftTrainer(): LocalTrainer {
  return {
    name: "ms-swift",
    about: "ms-swift: `swift sft` with its arguments in launch.sh",
    formats: { "ms-swift": "messages" },
    version: "ms-swift at 3602360 (2026-08)",
    files(plan) {
      const given: Record<string, unknown> = {
        model: plan.model,
        dataset: plan.data,
        ...(plan.validation === null ? {} : { val_dataset: plan.validation, eval_strategy: "epoch" }),
        split_dataset_ratio: 0,
        train_type: "full",
        torch_dtype: "bfloat16",
        num_train_epochs: plan.epochs,
        learning_rate: plan.learningRate,
        lr_scheduler_type: "cosine",
        warmup_ratio: 0.03,
        per_device_train_batch_size: perDevice,
        gradient_accumulation_steps: Math.max(1, Math.round(plan.batchSize / perDevice)),
        max_length: plan.maxLength,
        // Its own drops what is longer without a word.
        truncation_strategy: "raise",
        loss_scale: "default",
        gradient_checkpointing: true,
        logging_steps: 1,
        save_strategy: "epoch",
        output_dir: "output",
        seed: plan.seed,
        ...plan.extra,
      };
      return [
        requirements(["ms-swift>=4.2"]),
        launchScript({
          looksFor: "command -v swift",
          command: `NPROC_PER_NODE="$GPUS" ${lines(
            "swift sft",
            Object.entries(given).map(([name, value]) => `--${name} ${word(value)}`),
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
    version: "verl at b178a3c (2026-01)",
    files(plan) {
      const given: Record<string, unknown> = {
        "data.train_files": plan.data,
        "data.val_files": plan.validation ?? plan.data,
        "data.multiturn.enable": true,
        "data.multiturn.messages_key": "messages",
        "data.multiturn.tools_key": "tools",
        "data.max_length": plan.maxLength,
        "data.truncation": "error",
        "data.train_batch_size": plan.batchSize,
        "data.micro_batch_size_per_gpu": perDevice,
        "model.partial_pretrain": plan.model,
        "model.enable_gradient_checkpointing": true,
        "optim.lr": plan.learningRate,
        "optim.lr_warmup_steps_ratio": 0.03,
        "trainer.total_epochs": plan.epochs,
        "trainer.default_local_dir": "output",
        "trainer.project_name": "tracemill",
        "trainer.experiment_name": "sft",
        "trainer.logger": "[console]",
        "trainer.seed": plan.seed,
        ...plan.extra,
      };
      return [
        requirements(["verl>=0.6", "torch>=2.6"]),
        launchScript({
          looksFor: 'python3 -c "import verl"',
          command: lines(
            'torchrun --standalone --nnodes=1 --nproc_per_node="$GPUS" -m verl.trainer.fsdp_sft_trainer',
            Object.entries(given).map(([name, value]) =>
              word(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`),
            ),
          ),
        }),
      ];
    },
  };
}
