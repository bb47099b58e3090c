// Folders for trainers, each from an exported file, and their launch: here, over a stand-in for ssh, in a container.
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { exampleExporters } from "../../src/exports/index.ts";
import { openRenderer } from "../../src/exports/render/open.ts";
import { type LocalTuning, tuneLocally } from "../../src/run/tune-local.ts";
import { localTrainers } from "../../src/tuners/local/index.ts";
import { tracemill } from "../kit/cli.ts";
import { smallTokenizer } from "../kit/small-tokenizer.ts";
import { callingExample, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

const execute = promisify(execFile);
let folder: Awaited<ReturnType<typeof scratchFolder>>;
let tokenizer: string;
beforeAll(async () => {
  folder = await scratchFolder();
  tokenizer = await smallTokenizer(folder.at("model"), "marked");
});
afterAll(() => folder[Symbol.asyncDispose]());

const examples = Array.from({ length: 12 }, (_, index) => callingExample(index, `print(${index})`));

/** A file in a format, whole conversations of native calls. */
async function fileOf(format: string): Promise<string> {
  const exporter = exampleExporters.find(({ name }) => name === format);
  if (exporter === undefined) throw new Error(`Expected the format ${format}`);
  const path = folder.at(`${format}/${exporter.fileName}`);
  await mkdir(dirname(path), { recursive: true });
  const renderer = exporter.needsRenderer === true ? { renderer: await openRenderer({ tokenizer }) } : {};
  await exporter.write(streamOf(examples), path, renderer);
  return path;
}

const tune = async (file: string, ...args: string[]) =>
  tracemill(["tune", file, "--output", folder.at("output"), ...args]);

const made = localTrainers.flatMap(({ name, formats }) =>
  Object.keys(formats).map((format) => [name, format] as const),
);

test.each(made)(
  "%s from a file of %s: a folder whose every file can be read by what it is for",
  async (trainer, format) => {
    const file = await fileOf(format);
    const to = folder.at(`${trainer}-${format}`);
    const end = await tune(file, "--target", trainer, "--to", to, "--validation", file);
    expect(end.code, end.stderr).toBe(0);
    expect(end.stdout).toMatch(/6 epochs at 0\.00002, length \d/);
    const names = await readdir(to);
    expect(names).toEqual(
      expect.arrayContaining(["README.md", "data", "launch.sh", "requirements.txt", "tracemill.json"]),
    );
    await execute("bash", ["-n", join(to, "launch.sh")]);
    if (names.includes("config.yaml")) parse(await readFile(join(to, "config.yaml"), "utf8"));
    if (names.includes("config.json")) JSON.parse(await readFile(join(to, "config.json"), "utf8"));
    if (names.includes("train.py"))
      await execute("/usr/bin/python3", [
        "-c",
        "import ast, sys; ast.parse(open(sys.argv[1]).read())",
        join(to, "train.py"),
      ]);
    const data = await readdir(join(to, "data"));
    expect(data.filter((name) => /^(train|validation)\./.test(name))).toHaveLength(2);
    expect(await readFile(join(to, "data", `train${file.slice(file.lastIndexOf("."))}`))).toEqual(await readFile(file));

    const again = await tune(file, "--target", trainer, "--to", to, "--validation", file);
    expect(again.stdout).toContain("was written by the same command before");
    const other = await tune(file, "--target", trainer, "--to", to, "--epochs", "2");
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/to be new or empty, got \d+ entries in it: name another folder with --to/);
  },
);

let settings = 0;

/** What the command does, in this process: a folder for each of a dozen files is many processes otherwise. */
async function tuneHere(file: string, trainer: string, to: string, more: Partial<LocalTuning> = {}): Promise<string> {
  const lines: string[] = [];
  const code = await tuneLocally({
    ...{ trainer, file, to, validation: null, model: null, launch: null, host: null, image: null },
    ...{ renderer: null, maxTokens: null, output: folder.at("output"), signal: new AbortController().signal },
    settings: { model: "", method: "sft", extra: {} },
    tell: (line) => lines.push(line),
    ...more,
  });
  expect(code).toBe(0);
  return lines.join("\n");
}

/** The settings of a trainer's folder, as text and parsed. */
async function settingsOf(trainer: string, format: string, more: Partial<LocalTuning> = {}) {
  const to = folder.at(`set-${settings++}`);
  await tuneHere(await fileOf(format), trainer, to, more);
  const text = async (name: string) => readFile(join(to, name), "utf8").catch(() => "");
  const [yaml, json, launch] = [await text("config.yaml"), await text("config.json"), await text("launch.sh")];
  return { config: yaml === "" ? (json === "" ? {} : JSON.parse(json)) : parse(yaml), launch, to };
}

test("TRL: the length is set and nothing is trained but what is meant (TR-R4 to TR-R6)", async () => {
  const steps = (await settingsOf("trl", "trl-steps")).config.training;
  expect(steps).toMatchObject({ completion_only_loss: true, packing: false, learning_rate: 2e-5, num_train_epochs: 6 });
  expect(steps.max_length % 256).toBe(0);
  expect(steps).not.toHaveProperty("assistant_only_loss");
  expect((await settingsOf("trl", "trl")).config.training.assistant_only_loss).toBe(true);
  const { config } = await settingsOf("trl", "tokenised");
  expect(config).toMatchObject({ format: "parquet", data: { train: "data/train.parquet" } });
  expect(config.training).not.toHaveProperty("completion_only_loss");
});

test("Axolotl: the flag of each message decides, and nothing else (AX-R1, R3, R4)", async () => {
  const { config } = await settingsOf("axolotl", "axolotl");
  expect(config.datasets[0]).toMatchObject({
    type: "chat_template",
    roles_to_train: [],
    message_field_training: "train",
  });
  expect(config).toMatchObject({ sample_packing: false, val_set_size: 0, train_on_inputs: false });
  expect((await settingsOf("axolotl", "tokenised")).config.datasets[0]).toMatchObject({
    type: null,
    ds_type: "parquet",
  });
});

test("LLaMA-Factory: rows of a step each train their last turn alone, and every tag is written (LF-R1, R5 to R7)", async () => {
  const { config, to } = await settingsOf("llama-factory", "llama-factory-steps");
  expect(config).toMatchObject({ mask_history: true, train_on_prompt: false, template: "qwen3" });
  expect(config.cutoff_len).toBeGreaterThan(0);
  const info = JSON.parse(await readFile(join(to, "data/dataset_info.json"), "utf8"));
  expect(Object.keys(info.train.tags)).toHaveLength(7);
  expect((await settingsOf("llama-factory", "llama-factory")).config.mask_history).toBe(false);
  const unknown = await tune(await fileOf("llama-factory"), "--target", "llama-factory", "--model", "some/model");
  expect(unknown.stderr).toMatch(/Expected `--set template=…` for `some\/model`/);
  const named = await settingsOf("llama-factory", "llama-factory", {
    model: "some/model",
    settings: { model: "", method: "sft", extra: { template: "llama3" } },
  });
  expect(named.config).toMatchObject({ template: "llama3", model_name_or_path: "some/model" });
});

test("ms-swift, verl and NeMo-RL: too long is an error, and their own defaults are not left to stand (SW-R4, VE-R2, NM-R1, R4)", async () => {
  const swift = await settingsOf("ms-swift", "ms-swift");
  expect(swift.launch).toMatch(/--truncation_strategy delete/);
  expect(swift.launch).toMatch(/--strict true/);
  expect(swift.launch).toMatch(/--max_length \d+/);
  const verl = await settingsOf("verl", "verl-sft");
  expect(verl.launch).toMatch(/data\.truncation=error/);
  expect(verl.launch).toMatch(/data\.messages_key=messages/);
  const nemo = await settingsOf("nemo-rl", "nemo-rl-steps");
  expect(nemo.launch).toMatch(/data\.train\.use_preserving_dataset=true/);
  expect(nemo.launch).toMatch(/policy\.max_total_sequence_length=\d+/);
});

test("the length is that of the longest row where the trainer's own tokenizer counts, and a bound is kept", async () => {
  const file = await fileOf("trl");
  const exact = await settingsOf("trl", "trl", { renderer: await openRenderer({ tokenizer }) });
  expect(await readFile(join(exact.to, "README.md"), "utf8")).toMatch(/counted with the trainer's own tokenizer/);
  const short = await tune(file, "--target", "trl", "--tokenizer", tokenizer, "--max-tokens", "20");
  expect(short.code).toBe(2);
  expect(short.stderr).toMatch(
    /Expected rows of at most 20 tokens \(--max-tokens\), got one of \d+: a trainer would cut it/,
  );
});

test("a file that a trainer does not take is refused with the format that it does", async () => {
  const end = await tune(await fileOf("openai"), "--target", "trl");
  expect(end.code).toBe(2);
  expect(end.stderr).toMatch(/Expected a file in a format that trl trains on \(trl-steps, trl, tokenised\)/);
  const missing = await tune("nowhere.jsonl", "--target", "trl");
  expect(missing.stderr).toMatch(/Expected a training file, or one of list, status/);
});

/** A folder whose launch.sh says and makes something, and ends with `code`. */
async function launchable(name: string, code: number): Promise<string> {
  const { to } = await settingsOf("trl", "trl-steps", {
    settings: { model: "", method: "sft", extra: { run_name: name } },
  });
  await writeFile(
    join(to, "launch.sh"),
    `#!/usr/bin/env bash\ncd "$(dirname "$0")"\necho "step 1 loss 0.5"\nmkdir -p output && echo model > output/model.txt\nexit ${code}\n`,
  );
  await chmod(join(to, "launch.sh"), 0o755);
  return to;
}

const launch = async (to: string, name: string, args: string[], env: Record<string, string> = {}) =>
  tracemill(
    [
      "tune",
      await fileOf("trl-steps"),
      "--output",
      folder.at("output"),
      "--target",
      "trl",
      "--to",
      to,
      "--set",
      `run_name=${name}`,
      ...args,
    ],
    { env },
  );

test("here: lines as they come, a log, and the end of the script as exit code", async () => {
  const to = await launchable("here", 0);
  const end = await launch(to, "here", ["--launch", "here"]);
  expect(end.code, end.stderr).toBe(0);
  expect(end.stdout).toMatch(/step 1 loss 0\.5\n/);
  expect(await readFile(join(to, "train.log"), "utf8")).toBe("step 1 loss 0.5\n");
  await writeFile(join(to, "launch.sh"), "echo no >&2; exit 7\n");
  const failed = await launch(to, "here", ["--launch", "here"]);
  expect(failed.code).toBe(3);
  expect(failed.stdout).toMatch(/no\nfailed: launch\.sh ended with 7/);
});

test("a trainer that is not installed is said by the folder's own script", async () => {
  const { to } = await settingsOf("axolotl", "axolotl");
  const end = await execute("bash", [join(to, "launch.sh")]).catch((error: { code: number; stderr: string }) => error);
  expect(end).toMatchObject({ code: 3 });
  expect(end.stderr).toMatch(/the trainer is not installed here: pip install -r requirements\.txt/);
});

test("ssh: the folder is copied, runs on behind the connection, and what it made comes back", async () => {
  // A program that runs what ssh would be told to run, here, in another folder: the protocol is ours, the connection is not tried.
  const bin = folder.at("bin");
  await mkdir(bin, { recursive: true });
  await mkdir(folder.at("there"), { recursive: true });
  await writeFile(
    join(bin, "ssh"),
    `#!/usr/bin/env bash\n[ "$1" = user@machine ] || exit 255\ncd ${folder.at("there")}\nexec bash -c "$2"\n`,
  );
  await chmod(join(bin, "ssh"), 0o755);
  const to = await launchable("ssh", 0);
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const end = await launch(to, "ssh", ["--launch", "ssh", "--host", "user@machine"], env);
  expect(end.code, end.stderr).toBe(0);
  expect(end.stdout).toMatch(/user@machine: tracemill\/tracemill-trl-\w+ is there\nstep 1 loss 0\.5\n/);
  expect(await readFile(join(to, "output/model.txt"), "utf8")).toBe("model\n");
  const nobody = await launch(to, "ssh", ["--launch", "ssh", "--host", "other@machine"], env);
  expect(nobody.code).toBe(2);
  expect(nobody.stderr).toMatch(/Expected to reach `other@machine` with ssh and to write there, got no/);
  const unnamed = await launch(to, "ssh", ["--launch", "ssh"]);
  expect(unnamed.stderr).toMatch(/Expected --host user@machine with --launch ssh/);
});

test.skipIf(process.env.DOCKER_HOST === undefined)(
  "container: the folder is mounted into an image of the user's, and none is pulled",
  async () => {
    const to = await launchable("container", 0);
    const env = { TRACEMILL_CONTAINER_GPUS: "none" };
    const end = await launch(to, "container", ["--launch", "container", "--image", "debian:bookworm-slim"], env);
    expect(end.code, end.stdout + end.stderr).toBe(0);
    expect(await readFile(join(to, "output/model.txt"), "utf8")).toBe("model\n");
    const unknown = await launch(to, "container", ["--launch", "container", "--image", "no-such-image:here"], env);
    expect(unknown.code).toBe(3);
    expect(unknown.stdout).toMatch(/No such image|not found|Unable to find/i);
  },
);
