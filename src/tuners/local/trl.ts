import { hasModule, type LocalTrainer, launchScript, perDevice, requirements } from "./plan.ts";

const script = `"""Trains on data/ with TRL. Written by Tracemill; the settings are in config.json."""

import json
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
settings = json.loads((here / "config.json").read_text(encoding="utf-8"))

try:
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer
except ModuleNotFoundError as missing:
    print(f"train: {missing.name} is not installed: pip install -r requirements.txt", file=sys.stderr)
    sys.exit(3)

training = dict(settings["training"])
limit = training["max_length"]
if not training.get("packing"):
    # TRL would cut a longer row without a word. Nothing is cut: such a row stops the training below.
    training["max_length"] = None

files = {split: str(here / name) for split, name in settings["data"].items()}
dataset = load_dataset(settings["format"], data_files=files)
trainer = SFTTrainer(
    model=settings["model"],
    args=SFTConfig(output_dir=str(here / "output"), **training),
    train_dataset=dataset["train"],
    eval_dataset=dataset["validation"] if "validation" in dataset else None,
)

if not training.get("packing"):
    rows = trainer.train_dataset
    lengths = [len(ids) for ids in rows["input_ids"]]
    print(f"train: {len(lengths)} rows, the longest of {max(lengths)} tokens, {limit} allowed")
    if len(lengths) != len(dataset["train"]):
        sys.exit(f"train: {len(dataset['train']) - len(lengths)} rows carry no loss and were dropped")
    if max(lengths) > limit:
        sys.exit(f"train: {sum(length > limit for length in lengths)} rows are longer than max_length ({limit})")

checkpoints = sorted((here / "output").glob("checkpoint-*"))
trainer.train(resume_from_checkpoint=bool(checkpoints))
trainer.save_model()
`;

/** TRL's SFTTrainer (TR-R4..R7). */
export function trlTrainer(): LocalTrainer {
  return {
    name: "trl",
    about: "TRL SFTTrainer: train.py with its settings in config.json",
    formats: { "trl-steps": "steps", trl: "messages", tokenised: "tokenised" },
    version: "TRL 1.13 with transformers 5.18",
    tried:
      "Folders like this one trained a tiny model on a machine without a GPU with TRL 1.13.0, transformers 5.18.0 and torch 2.13.0; neither a model of full size nor several GPUs were tried.",
    files({ data, validation, form, model, maxLength, epochs, learningRate, batchSize, seed, extra }) {
      const training = {
        num_train_epochs: epochs,
        learning_rate: learningRate,
        lr_scheduler_type: "cosine",
        // A share of all steps; transformers 5 has no warmup_ratio any more.
        warmup_steps: 0.03,
        per_device_train_batch_size: perDevice,
        per_device_eval_batch_size: perDevice,
        gradient_accumulation_steps: Math.max(1, Math.round(batchSize / perDevice)),
        // Its own is 1024, and it cuts silently.
        max_length: maxLength,
        packing: false,
        bf16: true,
        gradient_checkpointing: true,
        logging_steps: 1,
        save_strategy: "epoch",
        eval_strategy: validation === null ? "no" : "epoch",
        report_to: "none",
        seed,
        // Without it TRL trains all tokens of a conversation, observations too.
        ...(form === "messages" ? { assistant_only_loss: true } : {}),
        ...(form === "steps" ? { completion_only_loss: true } : {}),
        ...extra,
      };
      const config = {
        model,
        format: data.endsWith(".parquet") ? "parquet" : "json",
        data: { train: data, ...(validation === null ? {} : { validation }) },
        training,
      };
      return [
        { name: "train.py", text: script },
        { name: "config.json", text: `${JSON.stringify(config, null, 2)}\n` },
        requirements(["trl>=1.13,<2", "datasets>=4.7", "transformers>=5", "accelerate>=1.10", "torch>=2.6"]),
        launchScript({
          present: hasModule("trl"),
          packages: ["trl", "transformers", "datasets", "accelerate", "torch"],
          command: 'python3 -m accelerate.commands.launch --num_processes "$GPUS" --num_machines 1 train.py',
        }),
      ];
    },
  };
}
