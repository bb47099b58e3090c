import { join } from "node:path";
import { z } from "zod";
import { createSecrets } from "../src/domain/secrets.ts";
import { openEventLog } from "../src/engine/events.ts";
import { executeLine } from "../src/engine/execute.ts";
import type { Executor } from "../src/engine/executor.ts";
import { from, type Line } from "../src/engine/line.ts";
import { createRemember } from "../src/engine/remember.ts";
import { all, each, type Identified, pass, reject } from "../src/engine/stage.ts";
import { openStore } from "../src/engine/store.ts";
import { inProcess } from "../src/executors/in-process.ts";
import { openWatch } from "../src/telemetry/watch.ts";

interface Item extends Identified {
  readonly n: number;
  readonly text?: string;
}

const items = 100_000;
const stages = 8;
const largeBytes = 50_000;
const never = new AbortController().signal;

/** What the benchmark measures, by name; each gets a folder of its own and returns figures (microseconds where named `…Us`). */
export const workloads: Readonly<Record<string, (folder: string) => Promise<Record<string, number>>>> = {
  async overhead(folder) {
    // One warm-up of each, so that neither pays for the compiler.
    await bare(items / 5);
    await line(join(folder, "warm"), straight(items / 5, false));
    const bareMs = await timed(() => bare(items));
    const lineMs = await timed(() => line(join(folder, "sync"), straight(items, false)));
    const asyncMs = await timed(() => line(join(folder, "async"), straight(items, true)));
    const perStage = (ms: number) => (ms * 1000) / items / stages;
    return {
      bareUs: perStage(bareMs),
      lineUs: perStage(lineMs),
      asyncUs: perStage(asyncMs),
      ...(await storeFigures(folder)),
    };
  },
  /** As `overhead`, looked on at as a run is, without OpenTelemetry; in a process of its own, because looking on changes what promises cost. */
  async watched(folder) {
    await using watch = await openWatch({
      recipe: "bench",
      level: "info",
      verbose: false,
      secrets: createSecrets(),
      env: {},
      facts: {},
      say: () => {},
      tell: () => {},
    });
    const watched = watch.executor(inProcess());
    await line(join(folder, "warm"), straight(items / 5, false), watched);
    const lineMs = await timed(() => line(join(folder, "sync"), straight(items, false), watched));
    const asyncMs = await timed(() => line(join(folder, "async"), straight(items, true), watched));
    return { lineUs: (lineMs * 1000) / items / stages, asyncUs: (asyncMs * 1000) / items / stages };
  },
  async small(folder) {
    const half = all<Item, Identified>({
      name: "half",
      project: ({ id }) => ({ id }),
      decide: (seen) => seen.map((_, index) => (index % 2 === 0 ? null : reject("odd", "at an odd place"))),
    });
    let made: Line<Item> = from(source(items, 0)).through(half);
    for (let n = 1; n < stages; n++) made = made.through(passing(`stage ${n}`, true));
    return { out: await line(folder, made) };
  },
  async large(folder) {
    const best = all<Item, { id: string; n: number }>({
      name: "best",
      project: ({ id, n }) => ({ id, n }),
      decide: (seen) => seen.map(({ n }) => (n % 2 === 0 ? null : reject("odd", `${n} is odd`))),
    });
    const made = from(source(items, largeBytes))
      .through(passing("before", true))
      .through(best)
      .through(passing("behind", true));
    return { out: await line(folder, made) };
  },
};

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

async function bare(count: number): Promise<number> {
  async function* through(upstream: AsyncIterable<Item>): AsyncGenerator<Item> {
    for await (const item of upstream) yield item;
  }
  let last: AsyncIterable<Item> = (async function* () {
    yield* source(count, 0);
  })();
  for (let n = 0; n < stages; n++) last = through(last);
  let seen = 0;
  for await (const _ of last) seen += 1;
  return seen;
}

async function line(folder: string, made: Line<Item>, executor: Executor = inProcess()): Promise<number> {
  await using store = await openStore(join(folder, "store"));
  await using events = await openEventLog(join(folder, "events.jsonl"));
  const { items: out } = executeLine(made, { store, events, executor, draining: never, signal: never });
  let seen = 0;
  for await (const _ of out) seen += 1;
  return seen;
}

function straight(count: number, awaits: boolean): Line<Item> {
  let made: Line<Item> = from(source(count, 0));
  for (let n = 0; n < stages; n++) made = made.through(passing(`stage ${n}`, awaits));
  return made;
}

function passing(name: string, awaits: boolean) {
  return each<Item, Item>({
    name,
    concurrency: 8,
    run: awaits ? async (body) => pass(body) : (body) => pass(body),
  });
}

function* source(count: number, bytes: number): Generator<Item> {
  for (let n = 0; n < count; n++) {
    const id = `item_${n.toString(16).padStart(16, "0")}`;
    yield bytes === 0 ? { id, n } : { id, n, text: transcript(n, bytes) };
  }
}

const passages = [
  "<reasoning>\nThe column has missing values, so they are left out before the mean is taken; rows read: ",
  "</reasoning>\n<python>\nimport pandas as pd\ndf = pd.read_csv('/data/table.csv')\nprint(df.shape, ",
  "print(df.groupby('region')['sales'].mean().sort_values(ascending=False).head(",
  "<information>\nstdout:\ncount    406.000000\nmean     ",
  "\nstd        7.815984\n25%       17.500000\n75%       29.000000\nmax    ",
  "dtype: float64\n</information>\n<answer>\nThe largest group is north with ",
];

// Characters of prose from which every item takes a stretch of its own.
const spread = 1_000_000;
let written: Buffer | undefined;

/** A fresh copy of `bytes` characters, different for every `n`: what an engine that kept bodies would be seen to keep. */
function transcript(n: number, bytes: number): string {
  written ??= Buffer.from(prose(spread + largeBytes), "latin1");
  const start = (n * 7_919) % spread;
  return written.toString("latin1", start, start + bytes);
}

/** Text that the store's compression brings to about a third; it brings the offline teacher's own transcripts to a quarter. */
function prose(characters: number): string {
  let state = 1;
  let text = "";
  while (text.length < characters) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${passages[(state >>> 24) % passages.length]}${state} ${(state >>> 3) % 100_000}.${state % 1_000_000}\n`;
  }
  return text;
}

async function storeFigures(folder: string): Promise<Record<string, number>> {
  const count = 20_000;
  const text = transcript(1, 2_000);
  await using store = await openStore(join(folder, "figures"));
  const each = async (action: (n: number) => unknown) =>
    ((await timed(async () => {
      for (let n = 0; n < count; n++) await action(n);
    })) *
      1000) /
    count;
  const putMs = await timed(async () => {
    for (let n = 0; n < count; n += 64) {
      await Promise.all(Array.from({ length: 64 }, (_, index) => store.put(`value/${n + index}`, { n, text })));
    }
  });
  const remember = createRemember(store);
  const what = { kind: "bench", version: 1 };
  const schema = z.object({ text: z.string() });
  const recall = () => remember(what, schema, async () => ({ text }), { signal: never });
  await recall();
  return {
    putUs: (putMs * 1000) / count,
    getUs: await each((n) => store.get(`value/${n}`)),
    peekUs: await each((n) => store.get(`missing/${n}`)),
    rememberedUs: await each(recall),
  };
}
