import type { ArgumentsCamelCase, Argv } from "yargs";
import { plural } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { listSandboxes, openSandboxBackend, sandboxBackends } from "../sandboxes/index.ts";
import { isGvisorName, rowsLeftOpen } from "../sandboxes/promises.ts";

export interface DoctorArguments {
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv.option("json", { type: "boolean", default: false, describe: "Print everything as one JSON object" });
}

export async function handler(args: ArgumentsCamelCase<DoctorArguments>): Promise<void> {
  const signal = new AbortController().signal;
  // Looked for first: a backend that is opened removes what dead owners left.
  const leftovers = (await listSandboxes()).filter(({ ownerAlive }) => !ownerAlive);
  const backends = [];
  for (const entry of sandboxBackends) {
    const facts = await entry.facts();
    backends.push({ name: entry.name, ...(await examine(entry, signal)), facts, promises: entry.promises() });
    for (const runtime of entry.takesRuntime ? gvisorsIn(facts.runtimes) : []) {
      const name = `${entry.name} with \`runtime: ${runtime}\``;
      backends.push({ name, ...(await examine(entry, signal, runtime)), facts: {}, promises: entry.promises(runtime) });
    }
  }
  const machine = {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    uid: process.getuid?.() ?? null,
  };
  if (args.json) return console.log(JSON.stringify({ ...machine, backends, leftovers }, null, 2));
  console.log(`node ${machine.node} on ${machine.platform}/${machine.arch}, user ${machine.uid ?? "unknown"}`);
  for (const { name, usable, reason, wayOut, environment, facts, promises } of backends) {
    console.log(`\n${name}: ${usable ? "usable, tried with a real sandbox" : `not usable: ${reason} (${wayOut})`}`);
    if (environment) {
      const versions = Object.entries(environment.versions).map(([key, version]) => `${key} ${version}`);
      console.log(`  environment ${environment.id}: ${versions.join(", ")}`);
      if (environment.image) console.log(`  image ${environment.image}`);
    }
    for (const [fact, value] of Object.entries(facts)) console.log(`  ${fact}: ${value}`);
    if (!usable) console.log("  once it is usable:");
    for (const { promise, held } of promises) console.log(`  ${mark(held)}  ${promise}`);
    const open = rowsLeftOpen(promises);
    if (open.length > 0) console.log(`  rows ${open.join(", ")} of docs/hostile.md are not promised, or not wholly`);
  }
  if (!backends.some((backend) => backend.usable))
    console.log("\nNo sandbox is usable: `npx tracemill setup` installs one.");
  console.log(
    leftovers.length === 0
      ? "\nNothing is left behind of processes that no longer run."
      : `\n${plural(leftovers.length, "sandbox")} of processes that no longer run ${leftovers.length === 1 ? "was" : "were"} left behind; opening a backend removes them, and so does \`npx tracemill sandbox reap\`.`,
  );
}

/** The runtimes of an engine that are gVisor's: a kernel between the code and the host's, so that other things are promised. */
function gvisorsIn(runtimes = ""): string[] {
  return runtimes.split(", ").filter((name) => isGvisorName(name));
}

async function examine(entry: (typeof sandboxBackends)[number], signal: AbortSignal, runtime?: string) {
  const lack = await entry.lacks(undefined);
  if (lack) return { usable: false, reason: lack.reason, wayOut: lack.wayOut, environment: null };
  try {
    await using backend = await openSandboxBackend({ backend: entry.name, runtime, signal });
    return { usable: true, reason: null, wayOut: null, environment: backend.environment };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { usable: false, reason: error.message, wayOut: "see docs/sandbox.md", environment: null };
  }
}

function mark(held: boolean | "unproven"): string {
  return held === "unproven" ? "unproven" : held ? "yes     " : "no      ";
}
