#!/usr/bin/env node
// argv -> one command. Commands are imported when they run, so that `tracemill --help` stays quick.
import { inspect } from "node:util";
import yargs, { type Argv } from "yargs";
import { hideBin } from "yargs/helpers";
import { expectOnce, mistyped } from "./commands/mistyped.ts";
import { BudgetError, FailureError, firstError, StoreError, UsageError } from "./domain/errors.ts";
import { packageVersion } from "./package.ts";
import { processSecrets } from "./telemetry/run-secrets.ts";

/** 0 done, 1 bug, 2 usage, 3 items owed (run again), 4 budget stopped, 5 finished with fewer examples than asked, 6 a limit hit in a piped shell, 130 interrupted. */
const exitCodes = { bug: 1, usage: 2, owed: 3, budget: 4 } as const;

const completionFlag = "--get-yargs-completions";

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
    usage: "estimate <config>",
    describe: "Run a few seeds, and say what the whole run would cost, take and give",
    load: () => import("./commands/estimate.ts"),
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
    usage: "waive <run> [ids..]",
    describe: "Decide to do without items that stay owed, with a reason",
    load: () => import("./commands/waive.ts"),
  },
  {
    usage: "export [run]",
    describe: "Write a finished run's data in other formats, splits or lengths; --preview shows rows",
    load: () => import("./commands/export.ts"),
  },
  {
    usage: "check <files..>",
    describe: "Check training files against the rules of what they are for",
    load: () => import("./commands/check.ts"),
  },
  {
    usage: "store",
    describe: "What was paid for: stats, verify, prune, export, import",
    load: () => import("./commands/store.ts"),
  },
  {
    usage: "init [data]",
    describe: "Look at your data files and write a config for them",
    load: () => import("./commands/init.ts"),
  },
  {
    usage: "check-tasks [files..]",
    describe: "Check files of your own questions, line by line",
    load: () => import("./commands/check-tasks.ts"),
  },
  {
    usage: "list [kind]",
    describe: "What there is of each kind: providers, metrics, formats, prompts …",
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
    usage: "sandbox",
    describe: "The sandboxes on this machine: ps, reap; shell: look inside one yourself",
    load: () => import("./commands/sandbox.ts"),
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
  .option("output", {
    type: "string",
    default: "output",
    requiresArg: true,
    describe: "Folder for runs and the store",
    global: true,
  })
  .check((given) => {
    expectOnce(given, ["output"]);
    return true;
  })
  .version(packageVersion())
  .demandCommand(1, "Expected a command. `npx tracemill --help` lists them.")
  .strict()
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .fail((message, error, usage) => {
    throw error ?? refused(message, String(usage.help()));
  });

// yargs does not wait for a builder when a shell asks what could come next: the command in question is loaded before.
const words = process.argv.slice(process.argv.indexOf(completionFlag) + 1);
const completing = process.argv.includes(completionFlag);

for (const { usage, describe, load } of commands) {
  const named = completing && words.includes(usage.split(" ")[0] ?? "") ? await load() : undefined;
  cli.command(usage, describe, named?.builder ?? (async (argv) => (await load()).builder(argv)), async (args) => {
    await (await load()).handler(args);
  });
}

cli.completion(
  "completion",
  "Print a script that completes commands, options, configs and runs in bash, zsh or fish",
  async (
    current: string,
    argv: { readonly output?: unknown },
    offerDefaults: (offer: (error: Error | null, offers: string[] | undefined) => void) => void,
    done: (offers: string[]) => void,
  ) => {
    const values = await (await import("./commands/completion.ts")).valuesFor(words.slice(1, -1), {
      current,
      output: String(argv.output ?? "output"),
    });
    if (values !== null) return done(values);
    // Options are known under two spellings; one is enough.
    offerDefaults((_error, offers = []) => done(offers.filter((offer) => !/^--(?:no-)?[a-z]*[A-Z]/.test(offer))));
  },
);

// A reader that has seen enough (`| head -1`) closes its end of the pipe, and a terminal goes away: no error of ours, and no reason to
// end a run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}

// What nobody caught is a bug, told like one: Node would print whatever hangs on the error, keys included.
process.on("uncaughtException", (error) => process.exit(explain(firstError(error))));

try {
  if (completing) process.stdout.write(`${(await cli.getCompletion(words)).join("\n")}\n`);
  else await cli.parseAsync();
} catch (error) {
  const thrown = firstError(error);
  // Where an option lacks its value, yargs throws an error of its own past `fail`.
  const first = thrown instanceof Error && thrown.name === "YError" ? refused(thrown.message, "") : thrown;
  process.exitCode = explain(first);
  // LMDB's clean-up at a natural end frees twice what a failed commit has freed, and the process would die of that instead.
  if (first instanceof StoreError) process.exit();
}

function refused(message: string, help: string): UsageError {
  return mistyped(message, { usages: commands.map(({ usage }) => usage), help, argv: hideBin(process.argv) });
}

/** Says on stderr what stopped the command, in one sentence unless it is a bug. Returns the exit code. */
function explain(error: unknown): number {
  const say = (message: string) => process.stderr.write(`tracemill: ${processSecrets().cut(message)}\n`);
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
  say(`this is a bug in Tracemill, or in a recipe of your own; what was committed is kept.\n${inspect(error)}`);
  return exitCodes.bug;
}
