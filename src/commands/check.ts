import { readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { z } from "zod";
import { exitCodes } from "../archive/run-end.ts";
import { count, harmless, plural } from "../audit/text.ts";
import { suggestion } from "../config/explain.ts";
import type { CheckOptions, ExportProblem, Target } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { againstProblems } from "../exports/decontamination.ts";
import { graderFieldsOf } from "../exports/hosted/reinforcement-rules.ts";
import { exporters } from "../exports/index.ts";
import { splitProblems } from "../exports/split-rules.ts";
import { targets } from "../exports/targets.ts";
import { type RendererArguments, rendererOf, rendererOptions } from "./renderer-options.ts";

interface CheckArguments extends RendererArguments {
  readonly files: readonly string[];
  readonly target?: string | undefined;
  readonly reasoning: boolean;
  readonly grader?: string | undefined;
  readonly validation?: string | undefined;
  readonly against: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return rendererOptions(
    argv
      .positional("files", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "Files, or a folder of exports with its manifest.json",
      })
      .option("target", {
        type: "string",
        requiresArg: true,
        describe: "What the files are for: `npx tracemill list targets`; a folder's manifest says it by itself",
      })
      .option("reasoning", { type: "boolean", default: false, describe: "The model to be trained shows its thinking" })
      .option("grader", {
        type: "string",
        requiresArg: true,
        describe: "A grader's file: its {{item.…}} have to exist",
      })
      .option("validation", {
        type: "string",
        requiresArg: true,
        describe: "The validation file: it may share no source dataset and no question with the file",
      })
      .option("against", {
        type: "string",
        array: true,
        default: [],
        requiresArg: true,
        describe: "Files of test questions that must not be in the data",
      })
      .option("all", { type: "boolean", default: false, describe: "Show every finding, not three a rule" })
      .option("json", { type: "boolean", default: false, describe: "Print JSON" }),
  );
}

export async function handler(args: ArgumentsCamelCase<CheckArguments>): Promise<void> {
  const renderer = await rendererOf(args);
  const options: CheckOptions = {
    reasoning: args.reasoning,
    ...(renderer === null ? {} : { renderer }),
    ...(args.maxTokens === undefined ? {} : { maxTokens: args.maxTokens }),
    ...(args.grader === undefined ? {} : { graderFields: graderFieldsOf(await textOf(args.grader)) }),
  };
  const checked: CheckedFile[] = [];
  for (const { path, target } of await filesOf(args)) {
    const problems = await target.check(path, options);
    if (args.validation !== undefined) problems.push(...(await splitProblems(path, args.validation)));
    if (args.against.length > 0) problems.push(...(await againstProblems(path, args.against)));
    checked.push({ file: path, target: target.name, problems });
  }
  const errors = checked.reduce((sum, { problems }) => sum + problems.filter(isError).length, 0);
  process.stdout.write(
    args.json
      ? `${JSON.stringify({ errors, files: checked }, null, 2)}\n`
      : `${checked.map((file) => pageOf(file, args.all)).join("\n\n")}\n`,
  );
  if (errors > 0) process.exitCode = exitCodes.stopped;
}

interface CheckedFile {
  readonly file: string;
  readonly target: string;
  readonly problems: readonly ExportProblem[];
}

const manifestPart = z.looseObject({
  formats: z.array(z.looseObject({ format: z.string(), files: z.array(z.looseObject({ file: z.string() })) })),
});

async function filesOf({ files, target }: CheckArguments): Promise<{ path: string; target: Target }[]> {
  const named = target === undefined ? null : targetNamed(target);
  const found: { path: string; target: Target }[] = [];
  for (const path of files) {
    const isFolder = await stat(path).then(
      (entry) => entry.isDirectory(),
      () => null,
    );
    if (isFolder === null) throw new UsageError(`Expected a file or folder to check, got nothing at \`${path}\``);
    if (!isFolder || named?.name === "hf") {
      if (named === null) throw new UsageError(untold(path));
      found.push({ path, target: named });
      continue;
    }
    const manifest = join(path, "manifest.json");
    const read = manifestPart.safeParse(parseJson(await readFile(manifest, "utf8").catch(() => "")));
    if (!read.success)
      throw new UsageError(
        `Expected \`${manifest}\` to list the folder's files and their formats (version 3), got none: name the files, and --target`,
      );
    for (const { format, files: listed } of read.data.formats) {
      const own = named ?? targets.find(({ name }) => name === format);
      if (own === undefined || (named !== null && format !== named.name)) continue;
      for (const { file } of listed) found.push({ path: join(path, file), target: own });
    }
  }
  if (found.length === 0)
    throw new UsageError(`Expected files of the target \`${target ?? ""}\` in \`${files.join(", ")}\`, got none`);
  return found;
}

function targetNamed(name: string): Target {
  const names = targets.map((target) => target.name);
  const found = targets.find((target) => target.name === name);
  if (found === undefined)
    throw new UsageError(
      `Expected a target, got \`${name}\`${suggestion(name, names, `: \`npx tracemill list targets\` has them`)}`,
    );
  return found;
}

/** Which one is not guessed: the same file can be right for one service and wrong for another. */
function untold(path: string): string {
  const taking = exporters.filter(({ fileName }) => extname(fileName) === extname(path)).map(({ name }) => name);
  const names = taking.length === 0 ? "`npx tracemill list targets` has them" : `one of ${taking.join(", ")}`;
  return `Expected --target with \`${basename(path)}\`, what it is for: ${names}; e.g. \`npx tracemill check ${path} --target ${taking[1] ?? "openai"}\``;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(
      `Expected a grader's file at \`${path}\`, got: ${code}; name the JSON file whose {{item.…}} stand on every line, or leave --grader out`,
      { cause },
    );
  }
}

function isError({ severity }: ExportProblem): boolean {
  return severity === "error";
}

const shownByRule = 3;

function pageOf({ file, target, problems }: CheckedFile, all: boolean): string {
  const errors = problems.filter(isError).length;
  const warnings = problems.length - errors;
  const counts = [plural(errors, "error"), ...(warnings === 0 ? [] : [plural(warnings, "warning")])].join(", ");
  const lines = [`${file} for ${target}: ${problems.length === 0 ? "nothing to mend" : counts}`];
  const shown = new Map<string, number>();
  for (const problem of problems) {
    const warns = isError(problem) ? "" : " (warning)";
    // Warnings under the same number shall not crowd out the error that fails the file.
    const kind = `${problem.rule}${warns}`;
    const before = shown.get(kind) ?? 0;
    shown.set(kind, before + 1);
    if (!all && before >= shownByRule) continue;
    const where = [problem.line === 0 ? "" : `line ${count(problem.line)}`, problem.field].filter(
      (part) => part !== "",
    );
    lines.push(`  ${kind}${where.length === 0 ? "" : ` ${harmless(where.join(", "))}`}: ${harmless(problem.message)}`);
  }
  const hidden = [...shown].filter(([, times]) => !all && times > shownByRule);
  for (const [kind, times] of hidden)
    lines.push(`  ${kind}: ${count(times - shownByRule)} more like these (--all shows them)`);
  return lines.join("\n");
}
