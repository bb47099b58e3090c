import { writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import type { Argv } from "yargs";
import { table } from "../audit/text.ts";
import { datasetLoader } from "../datasets/load.ts";
import { profileDataset } from "../datasets/profile.ts";
import type { Dataset, FileProfile } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";

interface InitArguments {
  readonly data: string | undefined;
  readonly example: boolean;
  readonly file: string;
  readonly force: boolean;
  readonly output: string;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("data", { type: "string", describe: "A folder, file or glob of CSV, TSV, JSON, JSONL or Parquet" })
    .option("example", {
      type: "boolean",
      default: false,
      describe: "Use the quickstart's tables (vega-datasets) instead",
    })
    .option("file", { type: "string", default: "tracemill.yaml", describe: "Where to write the config" })
    .option("force", { type: "boolean", default: false, describe: "Replace a config that is there" });
}

export async function handler(args: InitArguments): Promise<void> {
  const path = resolve(args.file);
  const sources = sourcesOf(args, dirname(path));
  const loader = datasetLoader({ folder: join(resolve(args.output), "store", "datasets"), base: dirname(path) });
  const profiled: Profiled[] = [];
  for (const { dataset, dir } of await loader.loadAll(sources)) {
    profiled.push({ dataset, profile: await profileDataset(dataset, dir) });
  }
  process.stdout.write(`${overview(profiled)}\n\n`);
  await writeNew(path, configText({ sources, profiled, env: process.env }), args.force);
  const shown = relative(process.cwd(), path) || basename(path);
  process.stdout.write(
    `Wrote ${shown}. It runs as it stands, with the offline teacher (a program, not an LLM); put your endpoint in for real data.\n\n` +
      `next: npx tracemill run ${shown}\n`,
  );
}

interface Profiled {
  readonly dataset: Dataset;
  readonly profile: readonly FileProfile[];
}

const exampleTables = ["barley.json", "cars.json", "gapminder.json", "penguins.json", "weather.csv"];

/** The entries for `datasets:`, relative to the config's folder. @throws {UsageError} when nothing or both were named. */
function sourcesOf({ data, example }: InitArguments, base: string): string[] {
  if (example && data === undefined) return exampleTables.map((name) => `package:vega-datasets/data/${name}`);
  if (!example && data !== undefined) {
    const inside = relative(base, resolve(data));
    return [inside.startsWith("..") ? resolve(data) : `./${inside}`];
  }
  throw new UsageError(
    example
      ? `Expected either a folder or --example, got both: leave \`${data}\` or --example out`
      : "Expected a folder, file or glob of data, got none: `tracemill init ./data`, or `tracemill init --example` for a first look",
  );
}

function overview(profiled: readonly Profiled[]): string {
  const rows = profiled.flatMap(({ dataset, profile }) =>
    profile.map((file) => {
      const kinds = new Map<string, number>();
      for (const { kind } of file.columns) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const missing = file.columns.reduce((sum, column) => sum + column.missing, 0);
      const told = [...kinds].map(([kind, columns]) => `${columns} ${kind}`).join(", ");
      return [
        dataset.name,
        file.rows.toLocaleString("en"),
        String(file.columns.length),
        missing.toLocaleString("en"),
        told,
      ];
    }),
  );
  return table([["dataset", "rows", "columns", "missing", "kinds of column"], ...rows], [1, 2, 3]);
}

/** Services by the variable their own documentation names for the key. */
const services = [
  { variable: "OPENAI_API_KEY", baseUrl: "https://api.openai.com/v1" },
  { variable: "TOGETHER_API_KEY", baseUrl: "https://api.together.xyz/v1" },
  { variable: "FIREWORKS_API_KEY", baseUrl: "https://api.fireworks.ai/inference/v1" },
  { variable: "OPENROUTER_API_KEY", baseUrl: "https://openrouter.ai/api/v1" },
  { variable: "MISTRAL_API_KEY", baseUrl: "https://api.mistral.ai/v1" },
  { variable: "DEEPSEEK_API_KEY", baseUrl: "https://api.deepseek.com/v1" },
  { variable: "GROQ_API_KEY", baseUrl: "https://api.groq.com/openai/v1" },
];

/** Questions a table of this size bears without repeating itself. */
function questionsFor(profiled: readonly Profiled[]): number {
  const columns = profiled.map(({ profile }) => profile.reduce((sum, file) => sum + file.columns.length, 0));
  return Math.min(24, Math.max(8, 2 * Math.min(...columns)));
}

function configText(options: {
  readonly sources: readonly string[];
  readonly profiled: readonly Profiled[];
  readonly env: Readonly<Record<string, string | undefined>>;
}): string {
  const { sources, profiled, env } = options;
  const questions = questionsFor(profiled);
  const queries = profiled.length * questions;
  const found = services.find(({ variable }) => (env[variable] ?? "") !== "");
  const endpoint = found ?? { variable: "TRACEMILL_API_KEY", baseUrl: "https://your-endpoint.example/v1" };
  return `# Written by \`tracemill init\`: ${profiled.length} dataset${profiled.length === 1 ? "" : "s"}, about ${queries} questions. docs/config.md explains every option.
recipe: sft
seed: 1

# A file, a folder or a glob; each file is one dataset. Relative paths start at this file.
${stringify({ datasets: sources }).trim()}

models:
  proposer: &model
    # The offline teacher is a program, not an LLM: it shows the line, it makes no training data. For the real thing replace the next
    # line by these, with the model you use${found ? ` (${found.variable} is set here)` : ""}:
    #   provider: openai-compatible
    #   baseUrl: ${endpoint.baseUrl}
    #   apiKeyEnv: ${endpoint.variable} # the name of the variable, never the key
    #   model: your-model-name
    #   temperature: 0.8
    #   maxTokens: 4096
    provider: offline-teacher
  teacher: *model # solves the questions
  judge: *model # scores the solutions

sandbox:
  concurrency: 4 # sandboxes open at once; at most memoryMb each
  memoryMb: 1024

propose: { explorations: 1, questions: ${questions}, maxTurns: 12 } # questions a dataset = explorations x questions
rollouts: { attempts: 2, maxTurns: 12, concurrency: 8 } # tries at each question
screen: { maxStepErrors: 2 } # wrong answers and answers never seen in an output are always dropped
judge: { votes: 1 }
accept: { mean: 0.7, each: 0.4 } # moving a threshold and running again calls nobody
select: { target: ${Math.max(1, Math.floor(queries * 0.4))} } # examples asked for

export:
  formats: [chat-jsonl, parquet, arrow]
  licence: "unknown: state the terms of your sources here; they go into the dataset card"
`;
}

async function writeNew(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new UsageError(
        `Expected no file at \`${path}\`, got one: choose another with --file, or replace it with --force`,
      );
    }
    throw new UsageError(`Expected to write the config \`${path}\`, got ${message}: choose another place with --file`, {
      cause: error,
    });
  }
}
