import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Model, Remember } from "../src/contracts.ts";
import { createRemember } from "../src/engine/remember.ts";
import { openStore } from "../src/engine/store.ts";
import { createAdmissions } from "../src/models/admission.ts";
import { createMeter } from "../src/models/meter.ts";
import { modelConfig, openModels } from "../src/models/open.ts";

export interface ModelWorkload {
  readonly baseUrl: string;
  readonly folder: string;
  readonly atOnce: number;
  readonly latencyMs: number;
  readonly requests: number;
}

/** What one client did. Times from the moment at which all places were taken to the last request that took one. */
export interface ModelFigures {
  /** Until all places were taken. */
  readonly rampMs: number;
  /** Wall time over requests × latency / places. */
  readonly ideal: number;
  /** Processor time of a request, of all threads. */
  readonly cpuUs: number;
  /** What a request took beside its latency. */
  readonly waitMs: number;
  /** After a forced collection with all places taken, at 25 % and at 100 %. */
  readonly heapMb: readonly number[];
  readonly anonMb: readonly number[];
}

const never = new AbortController().signal;
// Every request under way listens to it, as in a run.
setMaxListeners(0, never);
const filler = "The column has missing values, so they are left out before the mean is taken. ".repeat(25);

/** The clients that are measured, by name. */
export const modelWorkloads: Readonly<Record<string, (workload: ModelWorkload) => Promise<ModelFigures>>> = {
  async bare({ baseUrl, ...workload }) {
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
    const figures = await loop(workload, async (index, leaves) => {
      leaves();
      const { body } = await request(`${baseUrl}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "model", ...question(index) }),
        dispatcher,
      });
      JSON.parse(await body.text());
    });
    await dispatcher.destroy();
    return figures;
  },
  models: (workload) =>
    ofModel(workload, async (_what, _schema, compute, { signal }) => ({
      value: await compute((send) => send(), signal),
      key: "none",
      remembered: false,
    })),
  async store(workload) {
    const store = await openStore(join(workload.folder, "store"));
    const figures = await ofModel(workload, createRemember(store));
    await store[Symbol.asyncDispose]();
    return figures;
  },
};

async function ofModel(workload: ModelWorkload, remember: Remember): Promise<ModelFigures> {
  const { baseUrl, atOnce: concurrency } = workload;
  const meter = createMeter();
  // A request leaves where the meter is told: after it was admitted, and after the store has its intent.
  const leaving = new Set<() => void>();
  const counted: typeof meter = {
    ...meter,
    send(...told: Parameters<typeof meter.send>) {
      const [leaves] = leaving;
      if (leaves !== undefined) leaving.delete(leaves);
      leaves?.();
      return meter.send(...told);
    },
  };
  const config = modelConfig.parse({ provider: "openai-compatible", baseUrl, model: "model", concurrency });
  const deps = { remember, meter: counted, admissions: createAdmissions(), env: {} };
  const models = await openModels({ model: config }, deps);
  const model: Model = models.get("model");
  // As in a run, more items wait than there are places: one writes down its answer while the next is asked for.
  const callers = Math.ceil(workload.atOnce * 1.1);
  const figures = await loop({ ...workload, callers }, async (index, leaves) => {
    leaving.add(leaves);
    await model.complete(question(index), { sample: 0, signal: never });
  });
  await models[Symbol.asyncDispose]();
  return figures;
}

function question(index: number) {
  return { messages: [{ role: "user" as const, content: `${index}: ${filler}` }] };
}

/** Keeps `callers` (as many as places unless given) busy until so many requests were made, and looks on. */
async function loop(
  { atOnce, latencyMs, requests, callers = atOnce }: Omit<ModelWorkload, "baseUrl"> & { readonly callers?: number },
  one: (index: number, leaves: () => void) => Promise<void>,
): Promise<ModelFigures> {
  const leftMs: number[] = [];
  const [heapMb, anonMb]: number[][] = [[], []];
  const tookMs: number[] = [];
  let [underWay, next, taken] = [0, 0, -1];
  let [cpuAtTaken, cpuAtLast] = [process.cpuUsage(), process.cpuUsage()];

  function leaves(): void {
    leftMs.push(performance.now());
    underWay += 1;
    // A few places change hands at any moment.
    if (taken === -1 && underWay >= atOnce * 0.99) {
      taken = leftMs.length - 1;
      cpuAtTaken = process.cpuUsage();
    }
    cpuAtLast = process.cpuUsage();
    if (leftMs.length === Math.floor(requests / 4) || leftMs.length === requests) look();
  }

  function look(): void {
    const { gc } = globalThis as { gc?: () => void };
    if (gc === undefined) throw new Error("Expected node --expose-gc");
    gc();
    heapMb?.push(Math.round(process.memoryUsage().heapUsed / 2 ** 20));
    anonMb?.push(anonymousMb());
  }

  const beganMs = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, place) => {
      // As items reach a stage: one after another. All at once they would come back all at once, for ever.
      await delay((place * latencyMs) / callers);
      for (let index = next++; index < requests; index = next++) {
        let leftAtMs = 0;
        await one(index, () => {
          leftAtMs = performance.now();
          leaves();
        });
        underWay -= 1;
        if (taken !== -1) tookMs.push(performance.now() - leftAtMs);
      }
    }),
  );
  if (taken === -1) throw new Error(`Expected all ${atOnce} places to be taken at some time, got at most fewer`);
  // Whole rounds only: a place that is taken at the beginning of one is free again at its end, whatever the order.
  const rounds = Math.floor((requests - 1 - taken) / atOnce);
  if (rounds < 1) throw new Error("Expected at least one round with all places taken: ask for more requests");
  const wallMs = (leftMs[taken + rounds * atOnce] ?? Number.NaN) - (leftMs[taken] ?? Number.NaN);
  const cpu = cpuAtLast.user + cpuAtLast.system - cpuAtTaken.user - cpuAtTaken.system;
  return {
    rampMs: (leftMs[taken] ?? Number.NaN) - beganMs,
    ideal: wallMs / (rounds * latencyMs),
    cpuUs: cpu / (requests - 1 - taken),
    waitMs: tookMs.reduce((sum, ms) => sum + ms, 0) / tookMs.length - latencyMs,
    heapMb: heapMb ?? [],
    anonMb: anonMb ?? [],
  };
}

function anonymousMb(): number {
  try {
    return Math.round(Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024);
  } catch {
    return 0; // there is no /proc here
  }
}
