import type { ArgumentsCamelCase, Argv } from "yargs";
import { bytesText, duration, oneLine, plural, table } from "../audit/text.ts";
import { listSandboxes, type RunningSandbox, reapSandboxes, sandboxBackends } from "../sandboxes/index.ts";
import { shell } from "./sandbox-shell.ts";

interface ListArguments {
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .command("ps", "Every sandbox on this machine: whose it is, since when, how much memory it holds", json, ps)
    .command("reap", "Remove what processes that no longer run left behind", (y) => dry(json(y)), reap)
    .command(
      "shell [data..]",
      "Type Python into a sandbox as an agent does, and see what the agent would see",
      looking,
      shell,
    )
    .demandCommand(1, "Expected one of ps, reap, shell: `npx tracemill sandbox --help` shows them.");
}

/** Only reached without a verb, which `demandCommand` refuses. */
export function handler(): void {}

const json = (argv: Argv) => argv.option("json", { type: "boolean", default: false, describe: "Print JSON" });

const dry = <T>(argv: Argv<T>) =>
  argv.option("dry-run", { type: "boolean", default: false, describe: "Say what would be removed; remove nothing" });

const looking = (argv: Argv) =>
  argv
    .positional("data", {
      type: "string",
      array: true,
      describe: "Files, a folder or a glob of data files; several are shown together",
    })
    .option("config", {
      type: "string",
      requiresArg: true,
      describe: "Take datasets and the `sandbox:` section of this config instead",
    })
    .option("dataset", { type: "string", requiresArg: true, describe: "Which of the datasets, by its name" })
    .option("backend", {
      choices: ["auto", ...sandboxBackends.map((entry) => entry.name)],
      describe: "Another backend than the config's (or `auto`)",
    })
    .option("json", {
      type: "boolean",
      default: false,
      describe: "From a pipe: each step's result as a line of JSON instead of what the agent sees",
    });

async function ps(args: ArgumentsCamelCase<ListArguments>): Promise<void> {
  const found = await listSandboxes();
  if (args.json) return console.log(JSON.stringify(found, null, 2));
  if (found.length === 0) return console.log("No sandboxes on this machine.");
  console.log(page(found));
  const left = found.filter(({ ownerAlive }) => !ownerAlive).length;
  if (left > 0) console.log(`\n${plural(left, "leftover")} of dead owners: npx tracemill sandbox reap`);
}

/** Exit code 0, also where there was nothing to do; 3 where something could not be removed. */
async function reap(args: ArgumentsCamelCase<ListArguments & { dryRun: boolean }>): Promise<void> {
  const dead = args.dryRun ? (await listSandboxes()).filter(({ ownerAlive }) => !ownerAlive) : await reapSandboxes();
  if (args.json) return console.log(JSON.stringify({ removed: !args.dryRun, sandboxes: dead }, null, 2));
  if (dead.length === 0) return console.log("Nothing is left behind: every sandbox's owner lives.");
  console.log(page(dead));
  console.log(`\n${args.dryRun ? "Would remove" : "Removed"} ${plural(dead.length, "leftover")}.`);
}

function page(sandboxes: readonly RunningSandbox[]): string {
  const head = ["backend", "id", "owner", "age", "memory", "for"];
  const rows = sandboxes.map(({ backend, id, label, ownerPid, ownerAlive, createdAt, memoryBytes }) => [
    backend,
    /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id, // as much of a container's as Docker itself shows
    `${ownerPid}${ownerAlive ? "" : " (dead)"}`,
    createdAt === null ? "-" : duration((Date.now() - Date.parse(createdAt)) / 1000),
    memoryBytes === null ? "-" : bytesText(memoryBytes),
    oneLine(label, 200),
  ]);
  const lines = table([head, ...rows], [3, 4]).split("\n");
  const { columns } = process.stdout;
  if (columns === undefined) return lines.join("\n");
  // Whom it is for stands last: of a long line nothing else is lost.
  return lines.map((line) => (line.length <= columns ? line : `${line.slice(0, columns - 1)}…`)).join("\n");
}
