// `npm run test:hostile`: every case on every sandbox this machine has; exit code 1 when one did not hold.
import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { UsageError } from "../src/domain/errors.ts";
import { runAsUser } from "./as-user.ts";
import type { HostileCase, Target } from "./case.ts";
import { cases } from "./cases/index.ts";
import { chosen, type Options, readOptions } from "./options.ts";
import { failures, type MissingTarget, type RunReport, type TargetReport } from "./report.ts";
import { runCases } from "./run.ts";
import { hostilePage, summary } from "./table.ts";
import { type Way, ways } from "./target.ts";

const say = (line: string) => console.log(line);

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const asked = chosen(cases, options);
  const began = performance.now();
  const at = new Date().toISOString();
  const targets: TargetReport[] = [];
  const missing: MissingTarget[] = [];
  for (const way of ways.filter(({ name }) => options.targets.includes(name))) {
    say(`${way.name}: ${asked.length} cases`);
    const tried = await tryOut(way, asked, options, args);
    if ("reason" in tried) {
      missing.push(tried);
      say(`  not here: ${tried.reason}`);
    } else targets.push(tried);
  }
  const machine = {
    cores: String(cpus().length),
    memoryMb: String(Math.round(totalmem() / 1024 / 1024)),
    kernel: release(),
    node: process.version,
  };
  const report: RunReport = { at, machine, targets, missing, wallMs: performance.now() - began };
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  if (options.writeDocs) {
    const page = fileURLToPath(new URL("../../docs/hostile.md", import.meta.url)); // seen from dist/hostile/
    writeFileSync(page, hostilePage(report));
    say(`wrote ${page}`);
  }
  say(summary(report));
  return failures(report).length > 0 ? 1 : 0;
}

/** The report of one target, or why this machine does not have it. */
async function tryOut(
  way: Way,
  asked: readonly HostileCase[],
  options: Options,
  args: readonly string[],
): Promise<TargetReport | MissingTarget> {
  let target: Target;
  try {
    if (way.asUser === true && process.getuid?.() === 0) return await runAsUser(forUser(args, way.name), say);
    const { stepTimeoutSeconds } = options;
    target = await way.open({ signal: new AbortController().signal, stepTimeoutSeconds });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const required = (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "").split(",").includes(way.backend);
    return { target: way.name, reason: error.message, required };
  }
  try {
    return await runCases(target, asked, { bounds: options.bounds, say });
  } catch (error) {
    // The others are tried all the same; this one has failed.
    return { target: way.name, reason: `it broke: ${String(error)}`, required: true };
  } finally {
    await target.close();
  }
}

/** The same words for one target, without the files that only the first process writes. */
function forUser(args: readonly string[], target: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] as string;
    if (word === "--target" || word === "--json") index++;
    else if (!/^--(target=|json=|write-docs$)/.test(word)) kept.push(word);
  }
  return [...kept, "--target", target];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
