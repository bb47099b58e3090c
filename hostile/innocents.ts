// Sessions that do honest work beside hostile ones, all the time: every answer must be right, and soon.
import { setTimeout as sleep } from "node:timers/promises";
import type { Target, Tried } from "./case.ts";
import { mpg } from "./planted.ts";

const paceMs = 300;

/** One honest step: how long it took, and what was wrong with it. */
export interface HonestStep {
  readonly at: number;
  readonly ms: number;
  readonly trouble: string | null;
}

export interface Innocents {
  readonly count: number;
  /** Steps that ended since the last call. */
  take(): HonestStep[];
  stop(): Promise<void>;
}

/** Opens `count` sandboxes on `target` and keeps each of them at small cells with known answers until stopped. */
export async function startInnocents(target: Target, count: number, dataDir: string): Promise<Innocents> {
  const clock = new AbortController();
  const { signal } = clock;
  let steps: HonestStep[] = [];
  const opened = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => target.open({ dataDir, label: `innocent-${index}`, signal })),
  );
  const sandboxes = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const close = async () => {
    clock.abort();
    await Promise.all(loops);
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
  };
  const loops: Promise<void>[] = [];
  const refused = opened.find((result) => result.status === "rejected");
  if (refused) {
    await close();
    throw refused.reason;
  }
  try {
    // Two at a time: all at once would each take as long as a step may.
    const waiting = [...sandboxes];
    const one = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await ready(next);
    };
    await Promise.all([one(), one()]);
  } catch (error) {
    await close();
    throw error;
  }
  loops.push(...sandboxes.map((sandbox, index) => work(sandbox, index, signal, (step) => steps.push(step))));
  return {
    count,
    take() {
      const taken = steps;
      steps = [];
      return taken;
    },
    stop: close,
  };
}

/** Before anything is measured pandas is there, however long that takes on a busy machine. */
async function ready(sandbox: Tried): Promise<void> {
  const signal = AbortSignal.timeout(300_000);
  for (;;) {
    const ends: string[] = [];
    for (const code of ["import numpy, dateutil, pytz", "import pandas as pd\nsteps = 0"])
      ends.push((await sandbox.run(code, { signal })).end);
    if (ends.every((end) => end === "ok")) return;
    if (ends.some((end) => end !== "ok" && end !== "timeout" && end !== "error"))
      throw new Error(`Expected an honest session to begin, it ended as ${ends.join(", ")}`);
    await sandbox.run("import os\nos._exit(0)", { signal }); // half of an import cannot be taken up again
  }
}

async function work(sandbox: Tried, index: number, signal: AbortSignal, tell: (step: HonestStep) => void) {
  await sleep((paceMs * index) / 8, undefined, { signal }).catch(() => {});
  for (let count = 1; !signal.aborted; count++) {
    const { code, answer } = cell(index, count);
    const began = performance.now();
    try {
      const step = await sandbox.run(code, { signal });
      const said = step.result === null ? null : step.result.head;
      const right = step.end === "ok" && said === answer && !step.stateLost;
      const trouble = right ? null : `step ${count} of innocent ${index}: expected ${answer}, got ${step.end} ${said}`;
      tell({ at: began, ms: performance.now() - began, trouble });
    } catch (error) {
      if (signal.aborted) return;
      tell({ at: began, ms: performance.now() - began, trouble: `innocent ${index} failed: ${String(error)}` });
      return;
    }
    await sleep(paceMs, undefined, { signal }).catch(() => {});
  }
}

/** Each counts its own steps, so that lost or foreign state gives a wrong answer. */
function cell(index: number, count: number): { code: string; answer: string } {
  const total = mpg.reduce((sum, value) => sum + value, 0);
  const kept = `steps += 1\n`;
  switch (count % 3) {
    case 0:
      return {
        code: `${kept}int(pd.read_csv("/data/cars.csv")["mpg"].sum()) + steps`,
        answer: String(total + count),
      };
    case 1:
      return {
        code: `${kept}int(pd.Series(range(1000 + ${index})).sum()) + steps`,
        answer: String(((1000 + index) * (999 + index)) / 2 + count),
      };
    default:
      return {
        code: `${kept}sum(range(10_000)) + steps`,
        answer: String(49_995_000 + count),
      };
  }
}

/** The latency below which 95 of 100 steps lie, in milliseconds; null of none. */
export function p95(steps: readonly HonestStep[]): number | null {
  const sorted = steps.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? null;
}
