// What a trainer's folder is made from, and the parts that every folder has.

/** How rows of the data file say what is trained. */
export type DataForm = "messages" | "steps" | "tokenised";

/** A folder to write: data paths are relative to it, lengths in tokens. */
export interface LocalPlan {
  readonly data: string;
  readonly validation: string | null;
  readonly form: DataForm;
  readonly model: string;
  readonly maxLength: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Set over the trainer's own config, as it is. */
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface LocalFile {
  readonly name: string;
  readonly text: string;
  readonly executable?: true;
}

/** A trainer on a machine of the user's. Its folder is ready to run: config, launch script, requirements. */
export interface LocalTrainer {
  readonly name: string;
  readonly about: string;
  /** The formats it can train on, with the form of each; the first is what to export unless there is a reason. */
  readonly formats: Readonly<Record<string, DataForm>>;
  /** Read from its documentation or code; not run here. */
  readonly version: string;
  files(plan: LocalPlan): readonly LocalFile[];
}

/** Sane values for Qwen3-4B (DSGym trains so: 6 epochs at 2e-5); each may be set. */
export const localDefaults = {
  model: "Qwen/Qwen3-4B",
  epochs: 6,
  learningRate: 2e-5,
  batchSize: 16,
  seed: 42,
} as const;

/** Examples at once on one GPU; the rest of a batch is accumulated. */
export const perDevice = 1;

/**
 * A launch script: from whichever folder it is called, it goes to its own, says what is there, and runs `command`. Ends with 3 where the trainer is
 * not installed, as anything that a person has to mend first.
 */
export function launchScript({
  looksFor,
  command,
}: {
  readonly looksFor: string;
  readonly command: string;
}): LocalFile {
  return {
    name: "launch.sh",
    executable: true,
    text: `#!/usr/bin/env bash
# Trains what lies in data/. Written by Tracemill; README.md says how it was decided.
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
if ! ${looksFor} >/dev/null 2>&1; then
  echo "launch: the trainer is not installed here: pip install -r requirements.txt, in an environment of its own" >&2
  exit 3
fi
gpus=$( (nvidia-smi --list-gpus 2>/dev/null || true) | wc -l)
echo "launch: $gpus GPU(s), $(python3 --version 2>&1)"
if [ "$gpus" = 0 ]; then echo "launch: no GPU found; most trainers stop or take very long without one" >&2; fi
export GPUS="$((gpus > 0 ? gpus : 1))"
${command}
`,
  };
}

export function requirements(lines: readonly string[]): LocalFile {
  return { name: "requirements.txt", text: `${lines.join("\n")}\n` };
}
