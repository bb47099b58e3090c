// `tracemill tune` as a user types it, on training files that its own exporters wrote.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Example } from "../../../src/domain/example.ts";
import { exporters } from "../../../src/exports/index.ts";
import { callingExample, streamOf } from "../../unit/export-fixtures.ts";
import { type CliEnd, type CliOptions, tracemill } from "../cli.ts";

export interface TuneFolder extends AsyncDisposable {
  readonly path: string;
  /** A file of this target, with so many rows. */
  write(format: string, rows?: number): Promise<string>;
  /** A file of these lines. */
  text(name: string, lines: readonly unknown[]): Promise<string>;
  /** `tracemill tune …words --output <here>`, which looks at jobs as often as it can. */
  tune(words: readonly string[], options?: CliOptions): Promise<CliEnd>;
  /** The one record's file, as text; "" where there is none. */
  record(name: string): Promise<string>;
  job(): Promise<Record<string, unknown>>;
  lines(name: "events.jsonl" | "metrics.jsonl"): Promise<Record<string, unknown>[]>;
}

export const keyOfTests = "key-of-tests";

export async function tuneFolder(): Promise<TuneFolder> {
  const path = await mkdtemp(join(tmpdir(), "tracemill-tune-"));
  const record = async (name: string) => {
    const listed = await tracemillList(path);
    return readFile(join(path, "tunes", listed, name), "utf8").catch(() => "");
  };
  return {
    path,
    async write(format, rows = 12) {
      const exporter = exporters.find(({ name }) => name === format);
      if (exporter === undefined) throw new Error(`Expected the exporter ${format}, got none`);
      const folder = join(path, `${format}-${rows}`);
      await mkdir(folder, { recursive: true });
      const examples: Example[] = Array.from({ length: rows }, (_, index) => callingExample(index));
      const file = join(folder, exporter.fileName);
      await exporter.write(streamOf(examples) as never, file, {} as never);
      return file;
    },
    async text(name, lines) {
      await writeFile(join(path, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return join(path, name);
    },
    tune: (words, options = {}) =>
      tracemill(
        ["tune", ...words, "--output", path, ...(words.includes("--poll-seconds") ? [] : ["--poll-seconds", "0.02"])],
        {
          ...options,
          env: {
            ...{ OPENAI_API_KEY: keyOfTests, AZURE_OPENAI_API_KEY: keyOfTests },
            ...{ TOGETHER_API_KEY: keyOfTests, FIREWORKS_API_KEY: keyOfTests, ...options.env },
          },
        },
      ),
    record,
    job: async () => JSON.parse(await record("job.json")) as Record<string, unknown>,
    lines: async (name) =>
      (await record(name))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

async function tracemillList(path: string): Promise<string> {
  const [only = "none"] = await readdir(join(path, "tunes")).catch(() => []);
  return only;
}
