#!/usr/bin/env bash
# Trains a tiny Qwen3-shaped model for 50 steps on the files of a finished run, and compares the trainer's masks with those
# that were previewed. Skips with a reason where PYTHON has no torch, transformers, trl, datasets. See README.md.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
run="${1:-}"
python="${PYTHON:-python3}"
if [ -z "$run" ] || [ ! -d "$run/exports" ]; then
  echo "Expected the folder of a finished run, got \`$run\`: bench/train-smoke/run.sh output/runs/<id>" >&2
  exit 2
fi
for module in torch transformers trl datasets tokenizers pyarrow; do
  if ! "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)" 2>/dev/null; then
    echo "train-smoke: skipped: $python has no $module (name another Python as PYTHON)"
    exit 0
  fi
done
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# Nothing is downloaded: the tokenizer is trained and the model initialised here.
export HF_HUB_OFFLINE=1 HF_HOME="$work/hf" TOKENIZERS_PARALLELISM=false
smoke() { "$python" "$here/smoke.py" "$@" 2>"$work/errors.log" | grep -E '^(prepare|masks|loss)' || { cat "$work/errors.log" >&2; return 1; }; }
export_to() { node "$root/dist/src/cli.js" export "$run" --to "$work/$1" --tokenizer "$work/model" "${@:2}" >"$work/export.log" || { cat "$work/export.log" >&2; return 1; }; }

"$python" -c "import torch, transformers, trl; print('with: torch', torch.__version__, 'transformers', transformers.__version__, 'trl', trl.__version__, 'cuda', torch.cuda.is_available())"
smoke prepare --text "$run/exports/chat.jsonl" --model "$work/model"
# Conversations as TRL trains them: its training template; rows by step as it trains them: the model's own.
export_to whole --format trl --format tokenised --template "$work/training-template.jinja"
export_to steps --format trl-steps
export_to steps-tokenised --format tokenised --per-step
for pair in whole/trl.jsonl:whole whole/tokenised.parquet:whole steps/trl-steps.jsonl:steps-tokenised; do
  echo "== $(basename "${pair%%:*}")"
  smoke train --file "$work/${pair%%:*}" --model "$work/model" --work "$work" --max-length 32768 \
    --previewed "$work/${pair##*:}/tokenised.parquet" --steps "${STEPS:-50}"
done
echo "train-smoke: the loss falls on each, and the masks are those previewed"
