import { dirname, join, resolve } from "node:path";
import type { Argv } from "yargs";
import { z } from "zod";
import { exitCodes } from "../archive/run-end.ts";
import { bytesText } from "../audit/text.ts";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { datasetEntry, datasetLoader } from "../datasets/load.ts";
import type { Dataset } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import type { Reference } from "../domain/task.ts";
import { nameOfFiles, taskFiles } from "../run/open-questions.ts";
import { sandboxConfig } from "../sandboxes/index.ts";
import { datasetFinder } from "../tasks/find-data.ts";
import type { TaskFile } from "../tasks/own-questions.ts";
import { type Remark, surveyQuestions } from "../tasks/survey.ts";
import { taskLineSchema } from "../tasks/task-line.ts";
import { type CheckedTask, type TaskCheck, taskCheckPage } from "./check-tasks-page.ts";
import { codeProblems } from "./code-problems.ts";

interface CheckTasksArguments {
  readonly files: readonly string[];
  readonly config: string | undefined;
  readonly schema: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly output: string;
}

const shownAtFirst = 20;
const shownAtMost = 1000;

export function builder(argv: Argv): Argv {
  return argv
    .positional("files", { type: "string", array: true, default: [], describe: "JSONL files, one question a line" })
    .option("config", {
      type: "string",
      describe:
        "A config: its datasets have to exist, reference code has to parse; without files, its `tasks` are checked",
    })
    .option("schema", { type: "boolean", default: false, describe: "Print the JSON Schema of a line" })
    .option("all", {
      type: "boolean",
      default: false,
      describe: `List up to ${shownAtMost} questions, not ${shownAtFirst}`,
    })
    .option("json", { type: "boolean", default: false, describe: "Print JSON" });
}

export async function handler(args: CheckTasksArguments): Promise<void> {
  if (args.schema) {
    process.stdout.write(`${JSON.stringify(taskLineSchema(), null, 2)}\n`);
    return;
  }
  // Where a run would keep its copies of the data too.
  const checked = await check(args, join(resolve(args.output), "store", "datasets"));
  process.stdout.write(args.json ? `${JSON.stringify(checked, null, 2)}\n` : taskCheckPage(checked));
  if (checked.survey.errorCount > 0) process.exitCode = exitCodes.stopped;
}

// What is read of a config: whether the rest of it is right is for `run --dry-run` to say.
const configPart = z.looseObject({
  datasets: z.array(datasetEntry).default([]),
  tasks: z.union([z.string(), z.array(z.string())]).optional(),
  sandbox: sandboxConfig,
});

async function check(args: CheckTasksArguments, folder: string): Promise<TaskCheck> {
  const config = args.config === undefined ? null : await readConfig(args.config);
  const part = config === null ? null : parseConfig(configPart, config.value, config.path);
  const base = dirname(resolve(config?.path ?? "config"));
  const files = args.files.length > 0 ? taskFiles(args.files, ".") : taskFiles(part?.tasks ?? [], base);
  if (files.length === 0) {
    throw new UsageError(
      "Expected files of questions, got none: `npx tracemill check-tasks questions.jsonl`, or `--config` with a config that has `tasks`",
    );
  }
  const folders = new Map<string, string>();
  const load = async (entries: z.output<typeof datasetEntry>[], from: string): Promise<Dataset[]> => {
    const loaded = await datasetLoader({ folder, base: from }).loadAll(entries);
    for (const { dataset, dir } of loaded) folders.set(dataset.id, dir);
    return loaded.map(({ dataset }) => dataset);
  };
  const findDataset = datasetFinder({
    datasets: part === null ? null : await load(part.datasets, base),
    async load(paths: readonly string[], file: TaskFile) {
      const [dataset] = await load([{ name: nameOfFiles(paths), files: [...paths] }], dirname(file.path));
      if (dataset === undefined) throw new Error("Expected a dataset of the files named, got none");
      return dataset;
    },
  });
  const tasks: CheckedTask[] = [];
  const most = args.all || args.json ? shownAtMost : shownAtFirst;
  const survey = await surveyQuestions(files, findDataset, ({ own, dataset, question, reference, referenceCode }) => {
    if (tasks.length >= most) return;
    tasks.push({
      ...{ ...own, dataset: dataset.name, question, answer: answerShown(reference) },
      ...{ metric: reference?.metric ?? null, params: reference?.params ?? null, code: referenceCode !== null },
    });
  });
  const found = { config: args.config ?? null, files: files.map((file) => file.name), tasks };
  if (part === null || survey.withCode === 0) return { ...found, survey, codeParsed: false };
  const code = await codeProblems({ files, findDataset, folders, sandbox: part.sandbox });
  return {
    ...found,
    survey: { ...survey, errorCount: survey.errorCount + code.length, errors: inOrder([...survey.errors, ...code]) },
    codeParsed: true,
  };
}

/** By file, in the order in which they were first named, and line. */
function inOrder(remarks: readonly Remark[]): Remark[] {
  const files = [...new Set(remarks.map(({ file }) => file))];
  return remarks.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

function answerShown(reference: Reference | null): string | null {
  if (reference?.file === undefined) return reference?.answer ?? null;
  return `a file of ${bytesText(reference.file.bytes)}`;
}
