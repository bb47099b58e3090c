import { type LocalTrainer, launchScript, perDevice, requirements } from "./plan.ts";

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

files = {split: str(here / name) for split, name in settings["data"].items()}
dataset = load_dataset(settings["format"], data_files=files)
arguments = SFTConfig(output_dir=str(here / "output"), **settings["training"])
trainer = SFTTrainer(
    model=settings["model"],
    args=arguments,
    train_dataset=dataset["train"],
    eval_dataset=dataset["validation"] if "validation" in dataset else None,
)
trainer.train()
trainer.save_model()
`;

/** TRL's SFTTrainer (TR-R4..R7). */
export function trlTrainer(): LocalTrainer {
  return {
    name: "trl",
    about: "TRL SFTTrainer: train.py with its settings in config.json",
    formats: { "trl-steps": "steps", trl: "messages", tokenised: "tokenised" },
    version: "TRL 1.13",
    files({ data, validation, form, model, maxLength, epochs, learningRate, batchSize, seed, extra }) {
      const training = {
        num_train_epochs: epochs,
        learning_rate: learningRate,
        lr_scheduler_type: "cosine",
        warmup_ratio: 0.03,
        per_device_train_batch_size: perDevice,
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
        requirements(["trl>=1.13,<2", "datasets>=4.7", "transformers>=4.56", "accelerate>=1.10", "torch>=2.6"]),
        launchScript({
          looksFor: 'python3 -c "import trl"',
          command: 'accelerate launch --num_processes "$GPUS" train.py',
        }),
      ];
    },
  };
}
