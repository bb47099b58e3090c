// Measures the model layer with a thousand requests under way, beside a bare loop over undici in the same run: `npm run bench:models`.
// Server and each client run in processes of their own. How soon all places are taken is found, not assumed: the client may grow.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ModelFigures } from "./models-workloads.ts";
import { modelWorkloads } from "./models-workloads.ts";

const atOnce = 1_024;
const latencyMs = 2_000;

/** A server with a fixed latency in a process of its own. */
async function startServer(): Promise<{ baseUrl: string; child: ChildProcess }> {
  const script = fileURLToPath(new URL("fault-server.js", import.meta.url));
  const options = JSON.stringify({ latency: { kind: "fixed", ms: latencyMs }, answerChars: 800 });
  const child = spawn(process.execPath, [script, options], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { child, ...JSON.parse(line) };
  throw new Error("Expected an address from the server, it ended");
}

/** Runs one workload in a process of its own, against a server of its own. */
async function measure(name: string, rounds: number): Promise<ModelFigures> {
  const folder = mkdtempSync(join(tmpdir(), "tracemill-bench-models-"));
  const { baseUrl, child: server } = await startServer();
  const given = JSON.stringify({ baseUrl, folder, atOnce, latencyMs, requests: atOnce * rounds });
  const words = ["--expose-gc", fileURLToPath(import.meta.url), "--workload", name, given];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let printed = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) printed += chunk;
    if (printed === "") throw new Error(`Expected figures from the workload ${name}, it printed nothing`);
    return JSON.parse(printed);
  } finally {
    server.stdin?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function held(value: number, limit: number, digits = 2): string {
  return `${value.toFixed(digits)}  limit ${limit}  ${value <= limit ? "ok" : "TOO MUCH"}`;
}

const [first, name, given] = process.argv.slice(2);
if (first === "--workload") {
  const workload = modelWorkloads[name ?? ""];
  if (workload === undefined) throw new Error(`Expected one of ${Object.keys(modelWorkloads).join(", ")}, got ${name}`);
  process.stdout.write(JSON.stringify(await workload(JSON.parse(given ?? "{}"))));
} else {
  const rounds = Number(first ?? 12);
  console.log(`${atOnce} requests under way, ${latencyMs / 1000} s each, ${rounds} times over`);
  let bare: ModelFigures | undefined;
  for (const [workload, title, cpuLimit] of [
    ["bare", "a loop over undici", null],
    ["models", "the model layer, nothing remembered", 6],
    ["store", "the model layer, everything remembered", 8],
  ] as const) {
    const figures = await measure(workload, rounds);
    bare ??= figures;
    const { rampMs, ideal, cpuUs, waitMs, heapMb, anonMb } = figures;
    console.log(title);
    console.log(
      `  all places taken after ${(rampMs / 1000).toFixed(1)} s; from then on, over the ideal ${held(ideal, 1.05, 3)}`,
    );
    console.log(
      `  a request waits ${waitMs.toFixed(0)} ms longer than its latency and takes ${cpuUs.toFixed(0)} us of processor time`,
    );
    if (cpuLimit !== null) console.log(`  processor time over the loop's ${held(cpuUs / bare.cpuUs, cpuLimit, 1)}`);
    console.log(
      `  heap ${heapMb.join(", ")} MB at 25 and 100 %, ${held((heapMb[1] ?? 0) / (heapMb[0] ?? 1), 1.1)}; anonymous memory ${anonMb.join(", ")} MB`,
    );
  }
}
