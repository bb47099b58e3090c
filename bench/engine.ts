// Measures the engine against its promises and prints figures: `npm run bench`. Every measurement runs in a fresh process.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { workloads } from "./engine-workloads.ts";

interface Measured {
  readonly figures: Record<string, number>;
  readonly wallSeconds: number;
  /** Highest anonymous memory seen, polled every 10 ms from outside; 0 where the platform does not tell. */
  readonly peakAnonMb: number;
}

/** Runs one workload in a child process with a store of its own, which is removed afterwards. */
async function measure(name: string): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "tracemill-bench-"));
  const started = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let peak = 0;
  const poll = setInterval(() => {
    peak = Math.max(peak, anonymousMb(child.pid));
  }, 10);
  try {
    let printed = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) printed += chunk;
    if (printed === "") throw new Error(`Expected figures from the workload ${name}, it printed nothing`);
    return {
      figures: JSON.parse(printed),
      wallSeconds: (performance.now() - started) / 1000,
      peakAnonMb: Math.round(peak),
    };
  } finally {
    clearInterval(poll);
    rmSync(folder, { recursive: true, force: true });
  }
}

function anonymousMb(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch (error) {
    // The child ended between two polls, or there is no /proc here.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

function verdict(value: number, limit: number): string {
  return value < limit ? "ok" : "TOO MUCH";
}

const [workload, folder] = process.argv.slice(2);
if (workload !== undefined && folder !== undefined) {
  const run = workloads[workload];
  if (!run) throw new Error(`Expected one of ${Object.keys(workloads).join(", ")}, got \`${workload}\``);
  process.stdout.write(JSON.stringify(await run(folder)));
} else {
  const overhead = await measure("overhead");
  const { bareUs = 0, lineUs = 0, asyncUs = 0, getUs = 0, putUs = 0, peekUs = 0, rememberedUs = 0 } = overhead.figures;
  console.log("per item and stage, 100,000 items through 8 stages, events written to a file");
  console.log(`  bare nested async generators   ${bareUs.toFixed(2)} us`);
  console.log(
    `  the line                       ${lineUs.toFixed(2)} us  x${(lineUs / bareUs).toFixed(1)}  limit 20 us  ${verdict(lineUs, 20)}`,
  );
  console.log(`  the line, stages that await    ${asyncUs.toFixed(2)} us  x${(asyncUs / bareUs).toFixed(1)}`);
  const { figures: watched } = await measure("watched");
  console.log(
    `  the same, watched              ${(watched.lineUs ?? 0).toFixed(2)} us, ${(watched.asyncUs ?? 0).toFixed(2)} us where stages await  limit 20 us  ${verdict(watched.lineUs ?? 0, 20)}`,
  );
  console.log("the store, 2 kB values");
  console.log(
    `  get ${getUs.toFixed(1)} us, peek at a missing key ${peekUs.toFixed(1)} us, put in batches of 64 ${putUs.toFixed(1)} us, remembered value ${rememberedUs.toFixed(1)} us`,
  );
  for (const [name, title, limitMb] of [
    ["small", "100,000 small items through 8 stages, one of them an `all`", 300],
    ["large", "100,000 items with 50 kB bodies through an `all` barrier", 500],
  ] as const) {
    const { peakAnonMb, wallSeconds } = await measure(name);
    console.log(title);
    console.log(
      `  anonymous memory at most ${peakAnonMb} MB  limit ${limitMb} MB  ${verdict(peakAnonMb, limitMb)}; ${wallSeconds.toFixed(1)} s`,
    );
  }
}
