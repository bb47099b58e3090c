"""Trains a tiny, randomly initialised Qwen3-shaped model on exported files for some steps.

`prepare` makes a tokenizer from the text of an export, and the model. `train` trains it on one file and asserts that
the loss falls; given `--previewed`, also that the labels of the trainer are those of the tokenised file, token for token.
"""

import argparse
import json
import math
import sys
from pathlib import Path

MODEL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# As in Qwen3's tokenizer, these are tokens of their own and not special ones.
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def prepare(arguments):
    import trl
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, set_seed

    rows = [json.loads(line) for line in arguments.text.read_text(encoding="utf-8").splitlines()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts_of(rows),
        trainers.BpeTrainer(
            vocab_size=2048,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    templates = Path(trl.__file__).parent / "chat_templates"
    # The template as the model has it; TRL puts its training template in its place by itself.
    fast.chat_template = (templates / "qwen3.jinja").read_text(encoding="utf-8")
    arguments.model.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(arguments.model)
    (arguments.model.parent / "training-template.jinja").write_text(
        (templates / "qwen3_training.jinja").read_text(encoding="utf-8"), encoding="utf-8"
    )
    set_seed(7)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(fast), eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id, **MODEL
        )
    )
    model.save_pretrained(arguments.model)
    print(f"prepare: {len(fast)} tokens, {model.num_parameters():,} parameters")


def previewed_labels(path):
    import pyarrow.parquet as parquet

    table = parquet.read_table(path).to_pydict()
    return {tuple(ids): tuple(labels) for ids, labels in zip(table["input_ids"], table["labels"])}


def labels_of(trainer, row):
    """A row's labels as the trainer's own collator makes them, without padding."""
    batch = trainer.data_collator([row])
    length = int(batch["attention_mask"][0].sum()) if "attention_mask" in batch else len(row["input_ids"])
    return tuple(batch["input_ids"][0][:length].tolist()), tuple(batch["labels"][0][:length].tolist())


def closing_only(ids, labels, twin, end):
    """Whether two labellings differ only in what the template writes behind the last end of a message."""
    last = max(place for place, token in enumerate(ids) if token == end)
    return labels[: last + 1] == twin[: last + 1]


def compare(trainer, previewed):
    """Every row of the trainer has a twin in the tokenised file with the same labels.

    TRL's prompt-completion form also trains the line break behind the completion's last token, which no model says:
    such rows are counted apart. Any other difference fails.
    """
    differing, closing, missing, trained, total = 0, 0, 0, 0, 0
    end = trainer.processing_class.eos_token_id
    for row in trainer.train_dataset:
        ids, labels = labels_of(trainer, row)
        trained += sum(label != -100 for label in labels)
        total += len(labels)
        twin = previewed.get(ids)
        if twin is None:
            missing += 1
        elif twin != labels and closing_only(ids, labels, twin, end):
            closing += 1
        elif twin != labels:
            differing += 1
    count = len(trainer.train_dataset)
    print(
        f"masks: {count} rows, {total:,} tokens, {trained:,} with loss; {missing} not previewed, "
        f"{differing} with other labels, {closing} with the closing line break as well"
    )
    if count == 0 or missing or differing:
        sys.exit("smoke: the trainer's masks are not those that were previewed")


def train(arguments):
    from datasets import load_dataset
    from transformers import TrainerCallback, set_seed
    from trl import SFTConfig, SFTTrainer

    set_seed(7)
    kind = "parquet" if arguments.file.suffix == ".parquet" else "json"
    dataset = load_dataset(kind, data_files=str(arguments.file))["train"]
    columns = dataset.column_names
    losses = []

    class Losses(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if logs and "loss" in logs:
                losses.append(logs["loss"])

    trainer = SFTTrainer(
        model=str(arguments.model),
        args=SFTConfig(
            output_dir=str(arguments.work / "output"),
            max_steps=arguments.steps,
            per_device_train_batch_size=2,
            learning_rate=3e-3,
            max_length=arguments.max_length,
            assistant_only_loss="messages" in columns,
            completion_only_loss=True if "completion" in columns else None,
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=7,
        ),
        train_dataset=dataset,
        callbacks=[Losses()],
    )
    if arguments.previewed is not None:
        compare(trainer, previewed_labels(arguments.previewed))
    trainer.train()
    first, last = (sum(part) / len(part) for part in (losses[:5], losses[-5:]))
    print(f"loss: {len(losses)} steps, {first:.3f} over the first five, {last:.3f} over the last five")
    if len(losses) != arguments.steps or not all(map(math.isfinite, losses)):
        sys.exit(f"smoke: expected {arguments.steps} finite losses, got {len(losses)}")
    if last > first * 0.8:
        sys.exit("smoke: the loss does not fall")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    preparing = verbs.add_parser("prepare")
    preparing.add_argument("--text", type=Path, required=True)
    preparing.add_argument("--model", type=Path, required=True)
    preparing.set_defaults(run=prepare)
    training = verbs.add_parser("train")
    training.add_argument("--file", type=Path, required=True)
    training.add_argument("--model", type=Path, required=True)
    training.add_argument("--work", type=Path, required=True)
    training.add_argument("--previewed", type=Path)
    training.add_argument("--steps", type=int, default=50)
    training.add_argument("--max-length", type=int, required=True)
    training.set_defaults(run=train)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
