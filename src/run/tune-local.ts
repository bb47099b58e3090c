// A folder that a trainer of the user's can run as it is, and its launch here, over ssh or in a container.
import { chmod, copyFile, link, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, extname, join, relative, resolve } from "node:path";
import { count, harmless, plural, shellWord } from "../audit/text.ts";
import type { Renderer, TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import { writeTextFile } from "../exports/atomic-file.ts";
import { parquetRows } from "../exports/columnar/parquet-read.ts";
import { hashOfFile } from "../exports/file-hash.ts";
import { exporters } from "../exports/index.ts";
import { encodingRenderer } from "../exports/render/encoding.ts";
import { targets } from "../exports/targets.ts";
import { hasSettingsRules, settingsProblems } from "../exports/trainers/settings-rules.ts";
import { packageVersion } from "../package.ts";
import { localTrainers } from "../tuners/local/index.ts";
import { type DataTraits, type LocalPlan, type LocalTrainer, localDefaults } from "../tuners/local/plan.ts";
import { launchFolder } from "./launch.ts";

export interface LocalTuning {
  readonly trainer: string;
  readonly file: string;
  readonly validation: string | null;
  readonly model: string | null;
  readonly to: string | null;
  readonly settings: TuningSettings;
  readonly launch: "here" | "ssh" | "container" | null;
  readonly host: string | null;
  readonly image: string | null;
  readonly renderer: Renderer | null;
  readonly output: string;
  readonly maxTokens: number | null;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Writes the trainer's folder, and launches it where that is asked for. Returns the exit code: 0, or 3 where the trainer failed. @throws {UsageError} before anything is written. */
export async function tuneLocally(options: LocalTuning): Promise<number> {
  const trainer = localTrainers.find(({ name }) => name === options.trainer);
  if (trainer === undefined) throw new Error(`Expected a trainer of the list, got \`${options.trainer}\``);
  if (options.launch === "ssh" && options.host === null)
    throw new UsageError("Expected --host user@machine with --launch ssh, got none");
  if (options.launch === "container" && options.image === null)
    throw new UsageError(
      "Expected --image with --launch container, got none: an image that has the trainer; none is pulled",
    );
  const { format, form } = await formatOf(trainer, options.file);
  const longest = await measured(options, format);
  refuseSettings(options, { form, longest });
  const plan: LocalPlan = {
    data: `data/train${extname(options.file)}`,
    validation: options.validation === null ? null : `data/validation${extname(options.validation)}`,
    form,
    model: await modelOf(options.model),
    maxLength: longest.maxLength,
    epochs: options.settings.epochs ?? localDefaults.epochs,
    learningRate: options.settings.learningRate ?? localDefaults.learningRate,
    batchSize: options.settings.batchSize ?? localDefaults.batchSize,
    seed: options.settings.seed ?? localDefaults.seed,
    has: longest.has,
    extra: options.settings.extra,
  };
  const hashes = {
    train: await hashOfFile(options.file),
    validation: options.validation === null ? null : await hashOfFile(options.validation),
  };
  const made = { trainer: trainer.name, format, plan, hashes, tracemill: packageVersion() };
  const id = hashOf(made).slice(0, 12);
  const folder = resolve(options.to ?? join(options.output, "tunes", `${trainer.name}-${id}`));
  const fresh = await isFree(folder, id);
  if (fresh) await writeFolder(folder, { trainer, plan, options, made: { id, ...made }, longest });
  const here = shellWord(relative(process.cwd(), folder) || ".");
  options.tell(
    fresh
      ? `${trainer.name}: ${here} is ready: ${plan.epochs} epochs at ${plan.learningRate}, length ${count(plan.maxLength)}, ${form === "messages" ? "loss as the rows say" : form === "steps" ? "loss on the last message of each row" : "loss by its labels"}`
      : `${trainer.name}: ${here} was written by the same command before`,
  );
  if (options.launch === null) {
    options.tell(`next: ${here}/launch.sh, or the same command with --launch here, ssh or container`);
    return 0;
  }
  return launchFolder(folder, { ...options, launch: options.launch, name: `tracemill-${trainer.name}-${id}` });
}

/** @throws {UsageError} where a setting of the user's makes the trainer cut the file, or train what is masked. */
function refuseSettings(
  { trainer, settings }: LocalTuning,
  { form, longest }: { readonly form: LocalPlan["form"]; readonly longest: Longest },
): void {
  if (!hasSettingsRules(trainer)) return;
  const known = longest.tokens === null ? {} : { longest: longest.tokens };
  const problems = settingsProblems(trainer, settings.extra, { form, part: true, ...known });
  if (problems.length === 0) return;
  throw new UsageError(
    [
      `Expected settings with which ${trainer} trains this file as it is meant, got:`,
      ...problems.map(({ rule, field, message }) => `- \`--set ${field}\` (${rule}) ${harmless(message)}`),
      "Leave them out, or train without Tracemill's folder",
    ].join("\n"),
  );
}

/** A model as the trainer's folder names it: a folder of the user's by its whole path, anything else as it is. */
async function modelOf(named: string | null): Promise<string> {
  const isFolder = await stat(named ?? "").then(
    (found) => found.isDirectory(),
    () => false,
  );
  return named === null ? localDefaults.model : isFolder ? resolve(named) : named;
}

/** Which of the trainer's formats a file is in: the first whose rules it keeps. */
async function formatOf(trainer: LocalTrainer, file: string): Promise<{ format: string; form: LocalPlan["form"] }> {
  await stat(file).catch((cause: unknown) => {
    throw new UsageError(`Expected a training file, got nothing at \`${file}\``, { cause });
  });
  const names = Object.keys(trainer.formats);
  const found: string[] = [];
  for (const name of names) {
    const target = targets.find((one) => one.name === name);
    if (target === undefined || !fits(file, name)) continue;
    const problems = (await target.check(file)).filter(({ severity }) => severity === "error");
    const form = trainer.formats[name];
    if (problems.length === 0 && form !== undefined && (await saysItself(file, name))) return { format: name, form };
    const [first] = problems;
    if (first !== undefined) found.push(`- ${name}: ${first.rule} line ${first.line} ${harmless(first.message)}`);
  }
  throw new UsageError(
    `Expected a file in a format that ${trainer.name} trains on (${names.join(", ")}), got \`${file}\`:\n${found.join("\n")}\n\`npx tracemill export --format ${names[0]}\` writes one`,
  );
}

function fits(file: string, name: string): boolean {
  const exporter = exporters.find((one) => one.name === name);
  return exporter === undefined || extname(exporter.fileName) === extname(file);
}

/** Rows by step and whole conversations look alike in some formats: the folder's manifest, or the file's name, says which they are. */
async function saysItself(file: string, name: string): Promise<boolean> {
  const twin = name.endsWith("-steps") && exporters.some((one) => `${one.name}-steps` === name && one.name !== "trl");
  if (!twin) return true;
  return resolve(file).includes(name);
}

interface Longest {
  /** Of the longest row, counted as the trainer counts; null where that is not known. */
  readonly tokens: number | null;
  readonly maxLength: number;
  readonly has: DataTraits;
  readonly words: string;
}

// What the count of another tokenizer may be short of the trainer's own.
const margin = 1.25;
const roundedTo = 256;

/** The longest row, rounded up: so long has the trainer to be. And what the rows have. */
async function measured({ file, validation, renderer, maxTokens }: LocalTuning, format: string): Promise<Longest> {
  const counting = renderer ?? (await encodingRenderer("o200k_base"));
  let longest = 0;
  const has = { tools: false, system: false, thinking: false };
  for (const path of validation === null ? [file] : [file, validation]) {
    const conversations = exporters.find(({ name }) => name === format)?.conversations?.(path);
    if (conversations !== undefined) {
      for await (const one of conversations) {
        if (one === null) continue;
        longest = Math.max(longest, counting.count(one));
        has.tools ||= (one.tools?.length ?? 0) > 0;
        has.system ||= one.messages.some(({ role }) => role === "system");
        has.thinking ||= one.messages.some(({ reasoning }) => reasoning !== undefined);
      }
    } else if (extname(path) === ".parquet") {
      for await (const { value } of parquetRows(path))
        if (Array.isArray(value.input_ids)) longest = Math.max(longest, value.input_ids.length);
    }
  }
  const exact = counting.exact || format === "tokenised";
  const needed = Math.ceil((longest * (exact ? 1 : margin)) / roundedTo) * roundedTo;
  if (maxTokens !== null && longest > maxTokens)
    throw new UsageError(
      `Expected rows of at most ${maxTokens} tokens (--max-tokens), got one of ${longest}: a trainer would cut it. Export with \`--max-tokens ${maxTokens} --over reject\` (or split, shorten)`,
    );
  return {
    tokens: exact ? longest : null,
    maxLength: maxTokens ?? Math.max(roundedTo, needed),
    has,
    words: exact
      ? `The longest row has ${count(longest)} tokens, counted with the trainer's own tokenizer.`
      : `The longest row has about ${count(longest)} tokens by another tokenizer (o200k); the length has a quarter more than that. With \`--tokenizer\` it is exact.`,
  };
}

/** Whether the folder may be written: it is new, or empty. False where the same command wrote it. @throws {UsageError} where it holds something else. */
async function isFree(folder: string, id: string): Promise<boolean> {
  const entries = await readdir(folder).catch(() => []);
  if (entries.length === 0) return true;
  const mark = await readFile(join(folder, "tracemill.json"), "utf8").catch(() => "");
  if (mark.includes(`"${id}"`)) return false;
  throw new UsageError(
    `Expected \`${folder}\` to be new or empty, got ${plural(entries.length, "entry")} in it: name another folder with --to`,
  );
}

async function writeFolder(
  folder: string,
  {
    trainer,
    plan,
    options,
    made,
    longest,
  }: {
    readonly trainer: LocalTrainer;
    readonly plan: LocalPlan;
    readonly options: LocalTuning;
    readonly made: object;
    readonly longest: Longest;
  },
): Promise<void> {
  const files = trainer.files(plan);
  await mkdir(join(folder, "data"), { recursive: true });
  await place(options.file, join(folder, plan.data));
  if (options.validation !== null && plan.validation !== null)
    await place(options.validation, join(folder, plan.validation));
  for (const { name, text, executable } of files) {
    // Flushed one by one they would take seconds; tracemill.json, last, says that all are there.
    await writeFile(join(folder, name), text);
    if (executable === true) await chmod(join(folder, name), 0o755);
  }
  await writeFile(
    join(folder, "README.md"),
    readmeOf({ trainer, plan, options, longest, names: files.map(({ name }) => name) }),
  );
  await writeTextFile(join(folder, "tracemill.json"), `${JSON.stringify(made, null, 2)}\n`);
}

/** The data without a second copy where the disk allows it. */
async function place(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

function readmeOf({
  trainer,
  plan,
  options,
  longest,
  names,
}: {
  readonly trainer: LocalTrainer;
  readonly plan: LocalPlan;
  readonly options: LocalTuning;
  readonly longest: Longest;
  readonly names: readonly string[];
}): string {
  const loss = {
    messages: "as the rows say: assistant messages only, and of these the ones that are worth imitating",
    steps: "on the last message of each row; everything before it is context",
    tokenised: "on the tokens whose label is not -100",
  }[plan.form];
  const set = Object.keys(plan.extra);
  return `# ${trainer.name}: ${basename(options.file)}

Written by Tracemill ${packageVersion()}. \`./launch.sh\` trains ${plan.model} on \`${plan.data}\`; what it makes goes to \`output/\`.

| what | value |
| --- | --- |
| epochs, learning rate | ${plan.epochs}, ${plan.learningRate} (DSGym's for Qwen3-4B), cosine with 3 % warm-up |
| batch | ${plan.batchSize} examples, one at a time on each GPU, the rest accumulated: with several GPUs it is that many times as large |
| length | ${plan.maxLength} tokens |
| loss | ${loss} |
| validation | ${plan.validation ?? "none: export with `--split-validation` to have one"} |
${set.length === 0 ? "" : `| set by hand, unchecked | ${set.map((name) => `\`${name}\``).join(", ")} |\n`}
${longest.words} No row is cut: the trainer's own limit is set to that length, and longer rows were refused before.

Files: ${[...names, "tracemill.json"].map((name) => `\`${name}\``).join(", ")}. \`tracemill.json\` has the hashes of the data and every setting.

## Run it

- Here: \`python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\` in this folder, then \`./launch.sh\`; an environment that is active already does as well.
- Elsewhere: copy the folder, do the same. \`tracemill tune … --launch ssh --host user@machine\` does that, \`--launch container --image …\` runs it in an image of yours.

## What was not tried

The names of the settings are those of ${trainer.version}, read in its documentation and code. ${trainer.tried}
`;
}
