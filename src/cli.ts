#!/usr/bin/env node
// argv -> one command. Commands are imported when they run, so that `tracemill --help` stays quick.
import { inspect } from "node:util";
import yargs, { type Argv } from "yargs";
import { hideBin } from "yargs/helpers";
import { BudgetError, FailureError, firstError, StoreError, UsageError } from "./domain/errors.ts";
import { packageVersion } from "./package.ts";

/** 0 done, 1 bug, 2 usage, 3 items owed (run again), 4 budget stopped, 5 finished with fewer examples than asked, 130 interrupted. */
const exitCodes = { bug: 1, usage: 2, owed: 3, budget: 4 } as const;

interface CommandModule {
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own arguments
  readonly builder: (argv: Argv<any>) => Argv<any>;
  // biome-ignore lint/suspicious/noExplicitAny: every command has its own arguments
  readonly handler: (args: any) => Promise<void> | void;
}

const commands: { usage: string; describe: string; load: () => Promise<CommandModule> }[] = [
  {
    usage: "run <config>",
    describe: "Run a recipe: from datasets to a fine-tuning file",
    load: () => import("./commands/run.ts"),
  },
  {
    usage: "status [run]",
    describe: "How a run goes, from another terminal; how it ended, or that it died",
    load: () => import("./commands/status.ts"),
  },
  {
    usage: "audit [run]",
    describe: "The funnel of a run: what was kept, what was dropped, and why",
    load: () => import("./commands/audit.ts"),
  },
  {
    usage: "why <run> <id>",
    describe: "The story of one item, from its seed to its end",
    load: () => import("./commands/why.ts"),
  },
  {
    usage: "init [data]",
    describe: "Look at your data files and write a config for them",
    load: () => import("./commands/init.ts"),
  },
  {
    usage: "list",
    describe: "What a config can name: providers, scaffolds, formats …",
    load: () => import("./commands/list.ts"),
  },
  {
    usage: "setup",
    describe: "Look for a usable sandbox, and install what is missing",
    load: () => import("./commands/setup.ts"),
  },
  {
    usage: "doctor",
    describe: "What is there, and what each sandbox backend promises",
    load: () => import("./commands/doctor.ts"),
  },
  {
    usage: "serve-teacher",
    describe: "Serve the offline teacher (a program, not an LLM) as an OpenAI-compatible endpoint",
    load: () => import("./commands/serve-teacher.ts"),
  },
];

const cli = yargs(hideBin(process.argv))
  .scriptName("tracemill")
  .usage("$0 <command>\n\nTurns datasets into fine-tuning data for data-science agents.")
  .option("output", { type: "string", default: "output", describe: "Folder for runs and the store", global: true })
  .version(packageVersion())
  .demandCommand(1, "Expected a command. `tracemill --help` lists them.")
  .strict()
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .fail((message, error) => {
    throw error ?? new UsageError(message);
  });

for (const { usage, describe, load } of commands) {
  cli.command(
    usage,
    describe,
    async (argv) => (await load()).builder(argv),
    async (args) => {
      await (await load()).handler(args);
    },
  );
}

// A reader that has seen enough (`| head -1`) closes its end of the pipe: no error of ours, and no reason to end a run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await cli.parseAsync();
} catch (error) {
  const first = firstError(error);
  process.exitCode = explain(first);
  // LMDB's clean-up at a natural end frees twice what a failed commit has freed, and the process would die of that instead.
  if (first instanceof StoreError) process.exit();
}

/** Says on stderr what stopped the command, in one sentence unless it is a bug. Returns the exit code. */
function explain(error: unknown): number {
  const say = (message: string) => process.stderr.write(`tracemill: ${message}\n`);
  if (error instanceof UsageError) {
    say(error.message);
    return exitCodes.usage;
  }
  if (error instanceof StoreError || error instanceof FailureError) {
    say(error.message);
    return exitCodes.owed;
  }
  if (error instanceof BudgetError) {
    say(`${error.message} Raise the budget and run the same command again.`);
    return exitCodes.budget;
  }
  say(`this is a bug in Tracemill; what was committed is kept.\n${inspect(error)}`);
  return exitCodes.bug;
}
