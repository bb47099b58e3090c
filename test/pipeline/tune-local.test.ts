// Folders for trainers, each from an exported file, and their launch: here, over a stand-in for ssh, in a container.
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
    expect(await tuneHere(file, trainer, to, { validation: file })).toMatch(/6 epochs at 0\.00002, length \d/);
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
  },
);

test("the same command finds its folder, and another is kept from it", async () => {
  const file = await fileOf("trl");
  const to = folder.at("same");
  const first = await tune(file, "--target", "trl", "--to", to);
  expect(first.code, first.stderr).toBe(0);
  const again = await tune(file, "--target", "trl", "--to", to);
  expect(again.stdout).toContain("was written by the same command before");
  const other = await tune(file, "--target", "trl", "--to", to, "--epochs", "2");
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/to be new or empty, got \d+ entries in it: name another folder with --to/);
});

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

test("LLaMA-Factory: only columns that some row has are named, and thinking is on only where rows think", async () => {
  const plain = folder.at("plain/llama-factory.jsonl");
  await mkdir(dirname(plain), { recursive: true });
  await writeFile(
    plain,
    `${JSON.stringify({
      conversations: [
        { from: "human", value: "Rows?" },
        { from: "gpt", value: "891" },
      ],
    })}\n`,
  );
  const to = folder.at("plain-folder");
  await tuneHere(plain, "llama-factory", to);
  const { train } = JSON.parse(await readFile(join(to, "data/dataset_info.json"), "utf8"));
  expect(train.columns).toEqual({ messages: "conversations" });
  expect(parse(await readFile(join(to, "config.yaml"), "utf8")).enable_thinking).toBe(false);
  const { to: calling } = await settingsOf("llama-factory", "llama-factory");
  const info = JSON.parse(await readFile(join(calling, "data/dataset_info.json"), "utf8"));
  expect(info.train.columns).toMatchObject({ tools: "tools" });
});

test("ms-swift, verl and NeMo-RL: too long is an error, and their own defaults are not left to stand (SW-R4, VE-R2, NM-R1, R4)", async () => {
  const { launch: swift } = await settingsOf("ms-swift", "ms-swift");
  for (const word of ["--truncation_strategy delete", "--strict true", "--tuner_type full", "--split_dataset_ratio 0"])
    expect(swift).toContain(word);
  expect(swift).toMatch(/--max_length \d+/);
  const { launch: verl } = await settingsOf("verl", "verl-sft");
  for (const word of ["data.truncation=error", "data.messages_key=messages", "data.ignore_input_ids_mismatch=false"])
    expect(verl).toContain(word);
  expect(verl).toContain("-m verl.trainer.sft_trainer");
  const { launch: nemo } = await settingsOf("nemo-rl", "nemo-rl-steps");
  for (const word of [
    "++data.train.dataset_name=openai_format",
    "++data.train.use_preserving_dataset=true",
    "++sft.only_unmask_final=true",
    "policy.tokenizer.chat_template=default",
    "sft.max_num_steps=1000000000",
    "data.add_bos=false",
    '"++data.train.data_path=$here"/data/train.jsonl',
  ])
    expect(nemo).toContain(word);
  expect(nemo).toMatch(/policy\.max_total_sequence_length=\d+/);
  expect((await settingsOf("nemo-rl", "nemo-rl")).launch).not.toContain("only_unmask_final");
});

test("a setting of the user's that would cut rows, or train what is masked, is refused with its rule", async () => {
  const [trl, factory] = [await fileOf("trl"), await fileOf("llama-factory")];
  const refused = await tune(
    trl,
    "--target",
    "trl",
    "--to",
    folder.at("refused"),
    "--set",
    "assistant_only_loss=false",
  );
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /--set assistant_only_loss` \(TR-R5\) Expected `true`, got `false`: without it questions/,
  );
  expect(await readdir(folder.path)).not.toContain("refused");
  const renderer = await openRenderer({ tokenizer });
  const short = { renderer, settings: { model: "", method: "sft" as const, extra: { cutoff_len: 8 } } };
  await expect(tuneHere(factory, "llama-factory", folder.at("refused"), short)).rejects.toThrow(
    /`--set cutoff_len` \(LF-R5\) Expected at least \d+ tokens, the longest row, got 8/,
  );
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

test("here: a second command does not train beside the first, and stopping ends all that it started", async () => {
  const to = await launchable("twice", 0);
  await writeFile(join(to, "launch.sh"), 'echo "begun $$"; sleep 61 & wait\n');
  const abort = new AbortController();
  const lines: string[] = [];
  const more = { settings: { model: "", method: "sft", extra: { run_name: "twice" } }, launch: "here" } as const;
  const file = await fileOf("trl-steps");
  const watching = tuneHere(file, "trl", to, { ...more, signal: abort.signal, tell: (line) => lines.push(line) });
  watching.catch(() => {});
  await expect.poll(() => lines.join("\n"), { timeout: 10_000 }).toMatch(/begun \d+/);
  await expect(tuneHere(file, "trl", to, more)).rejects.toThrow(/Expected no training to run in .*, got process \d+/);
  abort.abort(new Error("stopped"));
  await expect(watching).rejects.toThrow();
  const group = /begun (\d+)/.exec(lines.join("\n"))?.[1];
  // What was ended is gone once its parent has taken notice.
  await expect
    .poll(
      () => {
        try {
          return process.kill(-Number(group), 0);
        } catch (error) {
          return (error as NodeJS.ErrnoException).code;
        }
      },
      { timeout: 10_000 },
    )
    .toBe("ESRCH");
});

test("a trainer that is not installed is said by the folder's own script", async () => {
  const { to } = await settingsOf("axolotl", "axolotl");
  const end = await execute("bash", [join(to, "launch.sh")]).catch((error: { code: number; stderr: string }) => error);
  expect(end).toMatchObject({ code: 3 });
  expect(end.stderr).toMatch(/the trainer is not installed here: .*pip install -r requirements\.txt/);
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
  expect(nobody.stderr).toMatch(
    /Expected to reach `other@machine` with ssh and to write there, got: ssh's exit code 255/,
  );
  const unnamed = await launch(to, "ssh", ["--launch", "ssh"]);
  expect(unnamed.stderr).toMatch(/Expected --host user@machine with --launch ssh/);
});

test("ssh: what ended behind a lost connection is fetched by the same command, and not trained again", async () => {
  const bin = folder.at("bin-lost");
  const there = folder.at("there-lost");
  await mkdir(bin, { recursive: true });
  await mkdir(there, { recursive: true });
  // As above; while the file `cut` is there, following a log loses the connection.
  await writeFile(
    join(bin, "ssh"),
    `#!/usr/bin/env bash\ncd ${there}\ncase "$2" in *"tail -n"* | *"cat code"*) [ -e cut ] && exit 255 ;; esac\nexec bash -c "$2"\n`,
  );
  await chmod(join(bin, "ssh"), 0o755);
  const to = await launchable("lost", 0);
  await writeFile(join(to, "launch.sh"), "echo x >> runs; mkdir -p output; cp runs output/runs\n");
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const args = ["--launch", "ssh", "--host", "user@machine:my folder"];
  await writeFile(join(there, "cut"), "");
  const lost = await launch(to, "lost", args, env);
  expect(lost.code, lost.stderr).toBe(3);
  expect(lost.stdout).toMatch(/the connection was lost; it goes on there/);
  await expect.poll(() => readFile(join(there, "my folder/code"), "utf8").catch(() => "")).toBe("0\n");
  await rm(join(there, "cut"));
  const end = await launch(to, "lost", args, env);
  expect(end.stdout).toMatch(/it has ended there; fetching what it made/);
  expect(await readFile(join(to, "output/runs"), "utf8")).toBe("x\n");
});

const image = "debian:bookworm-slim";
const hasImage = await execute("docker", ["image", "inspect", image]).then(
  () => true,
  () => false,
);

test.skipIf(!hasImage)(
  `container: the folder is mounted into an image of the user's, and none is pulled (needs ${image})`,
  async () => {
    const to = await launchable("container", 0);
    const end = await launch(to, "container", ["--launch", "container", "--image", image]);
    expect(end.code, end.stdout + end.stderr).toBe(0);
    expect(end.stdout).toMatch(/step 1 loss 0\.5\n/);
    expect(await readFile(join(to, "output/model.txt"), "utf8")).toBe("model\n");
    const unknown = await launch(to, "container", ["--launch", "container", "--image", "no-such-image:here"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/Expected to start a container of `no-such-image:here`.*No image is pulled/s);
  },
);

test.skipIf(!hasImage)("container: one that still runs is followed, and stopping ends it", async () => {
  const to = await launchable("long", 0);
  await writeFile(join(to, "launch.sh"), "echo begun; sleep 60\n");
  const made = JSON.parse(await readFile(join(to, "tracemill.json"), "utf8"));
  const name = `tracemill-trl-${made.id}`;
  const begin = async () => {
    const abort = new AbortController();
    const lines: string[] = [];
    const watching = tuneHere(await fileOf("trl-steps"), "trl", to, {
      settings: { model: "", method: "sft", extra: { run_name: "long" } },
      ...{ launch: "container", image, signal: abort.signal, tell: (line: string) => lines.push(line) },
    });
    watching.catch(() => {});
    await expect.poll(() => lines, { timeout: 20_000 }).toContain("begun");
    return { abort, lines, watching };
  };
  const first = await begin();
  const second = await begin();
  expect(second.lines).toContain(`container ${name}: it still runs; following it`);
  second.abort.abort(new Error("stopped"));
  await expect(second.watching).rejects.toThrow();
  await first.watching.catch(() => {});
  await expect(execute("docker", ["inspect", name])).rejects.toThrow(/No such/i);
});
