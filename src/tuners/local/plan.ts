// What a trainer's folder is made from, and the parts that every folder has.

/** How rows of the data file say what is trained. */
export type DataForm = "messages" | "steps" | "tokenised";

export interface DataTraits {
  readonly tools: boolean;
  readonly system: boolean;
  readonly thinking: boolean;
}

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
  /** What some row has: functions, a system message, thinking. */
  readonly has: DataTraits;
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
  /** The version whose settings these are, read in its documentation and code. */
  readonly version: string;
  /** What of it was run where this was written, as a sentence. */
  readonly tried: string;
  files(plan: LocalPlan): readonly LocalFile[];
}

/** What `tried` says of a trainer that was only read about. */
export const notTried =
  "Nothing was trained with it where this was written: read its first lines of output before you let it run for days.";

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
 * A launch script: from whichever folder it is called, it goes to its own, says what is there, and runs `command`. Ends with 3 where something is
 * missing that a person has to bring: Python, the trainer. `present` is a test in bash; `packages` are named with their versions.
 */
export function launchScript({
  present,
  missing = "the trainer is not installed here: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt, in this folder",
  packages,
  command,
}: {
  readonly present: string;
  readonly missing?: string;
  readonly packages: readonly string[];
  readonly command: string;
}): LocalFile {
  return {
    name: "launch.sh",
    executable: true,
    text: `#!/usr/bin/env bash
# Trains what lies in data/. Written by Tracemill; README.md says how it was decided.
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
if [ -f .venv/bin/activate ]; then
  # shellcheck disable=SC1091
  . .venv/bin/activate
fi
if ! command -v python3 >/dev/null; then
  echo "launch: there is no python3 here" >&2
  exit 3
fi
if ! { ${present}; } >/dev/null 2>&1; then
  echo "launch: ${missing}" >&2
  exit 3
fi
gpus=$( (nvidia-smi --list-gpus 2>/dev/null || true) | wc -l)
python3 - ${packages.join(" ")} <<'VERSIONS'
import importlib.metadata, platform, sys
print("launch: Python", platform.python_version())
for name in sys.argv[1:]:
    try:
        print("launch:", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print("launch:", name, "is not installed")
VERSIONS
echo "launch: $gpus GPU(s)"
if [ "$gpus" = 0 ]; then echo "launch: no GPU found; most trainers stop or take very long without one" >&2; fi
export GPUS="$((gpus > 0 ? gpus : 1))"
${command}
`,
  };
}

/** A test in bash for a Python module, without importing it. */
export function hasModule(name: string): string {
  return `python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)'`;
}

/** A word for bash, quoted where it has to be. */
export function bashWord(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command over several lines. */
export function overLines(first: string, rest: readonly string[]): string {
  return [first, ...rest.map((line) => `  ${line}`)].join(" \\\n");
}

export function requirements(lines: readonly string[]): LocalFile {
  return { name: "requirements.txt", text: `${lines.join("\n")}\n` };
}
