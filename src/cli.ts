#!/usr/bin/env node
// argv -> one command. Commands are imported when they run, so that `tracemill --help` stays quick.
import yargs, { type Argv } from "yargs";
import { hideBin } from "yargs/helpers";
import { StoreError, UsageError } from "./domain/errors.ts";
import { packageVersion } from "./package.ts";

/** 0 done, 1 bug, 2 usage, 3 items owed (run again), 4 budget stopped, 5 finished with fewer examples than asked, 130 interrupted. */
const exitCodes = { bug: 1, usage: 2, owed: 3 } as const;

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

try {
  await cli.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`tracemill: ${error.message}\n`);
    return exitCodes.usage;
  }
  if (error instanceof StoreError) {
    process.stderr.write(
      `tracemill: ${error.message} What was committed is kept; mend it and run the same command again.\n`,
    );
    return exitCodes.owed;
  }
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tracemill: this is a bug in Tracemill. What was committed is kept.\n${told}\n`);
  return exitCodes.bug;
}
