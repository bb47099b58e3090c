// A folder with a table, a user's own questions about it, and a config that takes them.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type RunEvent, type RunSummary, runEvent, runSummary } from "../../src/domain/run.ts";
import { errorKinds } from "../../src/models/offline-teacher/conversation.ts";
import { type CliEnd, type CliOptions, tracemill } from "./cli.ts";

const table = `region,product,units,price
North,tea,12,3.5
North,coffee,7,5.25
North,tea,9,3.4
South,tea,20,3.1
South,coffee,3,5.5
South,coffee,8,5.0
East,tea,15,3.3
East,coffee,11,5.1
East,tea,14,3.2
West,coffee,2,5.9
West,tea,6,3.6
West,coffee,5,5.7
`;

const constraints =
  "Use only rows where all the columns involved have a valid value. Consider only groups with at least 2 remaining rows. " +
  "Ties go to the alphabetically first name. Round to 2 decimals.";

/** A question in the words of the offline teacher's family `group_mean`. */
export function groupMean(group: string, value: string, end: "highest" | "lowest") {
  return {
    question: `Which value of ${JSON.stringify(group)} has the ${end} mean of ${JSON.stringify(value)}, and what is that mean?`,
    constraints,
    answer_format:
      "@group[value] @mean[value] where group is the group as it stands in the data and mean is rounded to 2 decimals",
  };
}

/** Python that prints the answer of `groupMean`, for the end that pandas' method finds. */
export function groupMeanCode(group: string, value: string, method: "max" | "min"): string {
  return `import pandas as pd
means = pd.read_csv("/data/sales.csv").groupby(${JSON.stringify(group)})[${JSON.stringify(value)}].mean()
print(f"@group[{means.idx${method}()}] @mean[{means.${method}():.2f}]")`;
}

/** Each with what becomes of it in its id. */
export const questions: readonly object[] = [
  {
    id: "right",
    dataset: "sales",
    ...groupMean("region", "units", "highest"),
    reference_answer: { group: "East", mean: 13.33 },
  },
  {
    id: "right code",
    ...groupMean("product", "price", "highest"),
    reference_answer: "@group[coffee] @mean[5.41]",
    reference_code: groupMeanCode("product", "price", "max"),
    metadata: { from: "the shop" },
    split: "train",
  },
  {
    id: "wrong code",
    ...groupMean("region", "units", "lowest"),
    reference_answer: { group: "West", mean: 4.33 },
    reference_code: groupMeanCode("region", "units", "max"),
  },
  {
    id: "broken code",
    ...groupMean("region", "price", "lowest"),
    reference_answer: { group: "South", mean: 4.53 },
    reference_code: "import pandas as pd\nprint(pd.read_csv('/data/sales.csv').nothing)",
  },
  { id: "no answer", ...groupMean("product", "units", "lowest"), difficulty: "easy" },
  { id: "wrong answer", ...groupMean("product", "units", "highest"), reference_answer: { group: "tea", mean: 99.5 } },
  { id: "declined", question: "Why do people in the North prefer tea?", context: "Sales of a small shop." },
  { ...groupMean("region", "units", "highest"), dataset: "sales", reference_answer: { group: "East", mean: 13.33 } },
];

export interface OwnFolder extends AsyncDisposable {
  readonly folder: string;
  readonly config: string;
  readonly output: string;
  /** Runs a command in the folder, on its output. */
  ask(...args: string[]): Promise<CliEnd>;
  askWith(options: CliOptions, ...args: string[]): Promise<CliEnd>;
  write(name: string, content: string): Promise<void>;
  read(name: string): Promise<string>;
  summary(): Promise<RunSummary>;
  events(): Promise<RunEvent[]>;
}

/** Lines of JSONL. */
export function jsonl(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

/** The folder, with a teacher that makes no mistakes. */
export async function ownFolder(changes: object = {}): Promise<OwnFolder> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-own-"));
  const output = join(folder, "output");
  await mkdir(join(folder, "data"));
  const write = (name: string, content: string) => writeFile(join(folder, name), content);
  await write("data/sales.csv", table);
  await write("questions.jsonl", jsonl(questions));
  const model = { provider: "offline-teacher", errorRates: Object.fromEntries(errorKinds.map((kind) => [kind, 0])) };
  const config = {
    recipe: "sft",
    datasets: ["data"],
    tasks: "questions.jsonl",
    models: { teacher: model, judge: model },
    sandbox: { concurrency: 2, memoryMb: 512 },
    rollouts: { attempts: 3, maxTurns: 8 },
    screen: { maxStepErrors: 2, agreement: 0.6 },
    judge: {},
    accept: { mean: 0.3, each: 0 },
    select: { target: 3 },
    ...changes,
  };
  await write("run.yaml", stringify(config, { aliasDuplicateObjects: false }));
  const askWith = (options: CliOptions, ...args: string[]) =>
    tracemill([...args, "--output", output], { cwd: folder, ...options });
  const read = (name: string) => readFile(join(folder, name), "utf8");
  return {
    folder,
    config: join(folder, "run.yaml"),
    output,
    askWith,
    ask: (...args) => askWith({}, ...args),
    write,
    read,
    summary: async () => runSummary.parse(JSON.parse(await read("output/runs/latest/summary.json"))),
    events: async () =>
      (await read("output/runs/latest/events.jsonl"))
        .trim()
        .split("\n")
        .map((line) => runEvent.parse(JSON.parse(line))),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
