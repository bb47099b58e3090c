// A folder with a small config of the SFT recipe on real tables, and the runs made in it.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type RunEvent, type RunSummary, runEvent, runSummary } from "../../src/domain/run.ts";
import { type CliEnd, type CliOptions, tracemill } from "./cli.ts";

export interface SmallRun extends AsyncDisposable {
  readonly folder: string;
  readonly configPath: string;
  readonly output: string;
  /** Runs the config as it stands, with `--set` changes. */
  run(options?: CliOptions & { set?: readonly string[]; args?: readonly string[]; output?: string }): Promise<CliEnd>;
  /** Runs another command on this folder's output. */
  ask(...args: string[]): Promise<CliEnd>;
  summary(output?: string): Promise<RunSummary>;
  events(output?: string): Promise<RunEvent[]>;
  /** File name -> SHA-256 of the training files of the newest run. */
  exported(output?: string): Promise<Record<string, string>>;
}

export const trainingFiles = ["chat.jsonl", "chat.parquet", "chat.arrow"];

/** Three tables, six questions each, two attempts: about two hundred requests. `model` is one entry under `models:`. */
export async function smallRun(options: { model?: object; config?: object } = {}): Promise<SmallRun> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-small-"));
  const configPath = join(folder, "run.yaml");
  const output = join(folder, "output");
  const model = options.model ?? { provider: "offline-teacher" };
  const config = {
    recipe: "sft",
    seed: 1,
    datasets: ["cars.json", "penguins.json", "seattle-weather.csv"].map((name) => `package:vega-datasets/data/${name}`),
    models: { proposer: model, teacher: model, judge: model },
    sandbox: { concurrency: 3, memoryMb: 1024, stepTimeoutSeconds: 60 },
    propose: { explorations: 1, questions: 6, maxTurns: 12, concurrency: 3 },
    vet: { concurrency: 3 },
    rollouts: { attempts: 2, maxTurns: 10, concurrency: 4 },
    screen: { maxStepErrors: 2 },
    judge: {},
    accept: { mean: 0.5, each: 0.2 },
    select: { target: 5 },
    export: { formats: ["chat-jsonl", "parquet", "arrow"] },
    ...options.config,
  };
  await writeFile(configPath, stringify(config, { aliasDuplicateObjects: false }));
  return {
    folder,
    configPath,
    output,
    run: ({ set = [], args = [], output: elsewhere = output, ...rest } = {}) =>
      tracemill(
        ["run", configPath, "--output", elsewhere, ...args, ...set.flatMap((change) => ["--set", change])],
        rest,
      ),
    ask: (...args) => tracemill([...args, "--output", output]),
    summary: async (from = output) =>
      runSummary.parse(JSON.parse(await readFile(join(from, "runs/latest/summary.json"), "utf8"))),
    events: async (from = output) =>
      (await readFile(join(from, "runs/latest/events.jsonl"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => runEvent.parse(JSON.parse(line))),
    exported: async (from = output) => {
      const hashes: Record<string, string> = {};
      for (const name of trainingFiles) {
        const bytes = await readFile(join(from, "runs/latest/exports", name));
        hashes[name] = createHash("sha256").update(bytes).digest("hex");
      }
      return hashes;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
