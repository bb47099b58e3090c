import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Remember, Store } from "../../src/contracts.ts";
import { FailureError, RejectionError } from "../../src/domain/errors.ts";
import { contentId } from "../../src/domain/hash.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import { executeLine } from "../../src/engine/execute.ts";
import { from } from "../../src/engine/line.ts";
import { createRemember } from "../../src/engine/remember.ts";
import { all, each, type Identified, pass, reject } from "../../src/engine/stage.ts";
import { openStore } from "../../src/engine/store.ts";
import { inProcess } from "../../src/executors/in-process.ts";

interface Item extends Identified {
  readonly n: number;
}

const root = mkdtempSync(join(tmpdir(), "tracemill-property-"));
let store: Store;
beforeAll(async () => {
  store = await openStore(join(root, "shared"));
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const ends = ["pass", "reject", "throw_rejection", "fail", "twice", "vanish"] as const;

/** Every stage's fate for an item, and how many turns of the event loop it takes there, drawn by fast-check. */
const plan = fc.record({
  items: fc.integer({ min: 0, max: 12 }),
  concurrency: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 2 }),
  fates: fc.array(fc.constantFrom(...ends), { minLength: 1, maxLength: 20 }),
  turns: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

function stage(name: string, { fates, turns: delays }: Plan, concurrency: number, begun: () => void) {
  return each<Item, Item>({
    name,
    concurrency,
    async run({ id, n }) {
      begun();
      await turns(at(delays, n));
      const fate = at(fates, n + name.length);
      if (fate === "reject") return reject("drawn", "drawn to be rejected");
      if (fate === "throw_rejection") throw new RejectionError("thrown", "drawn to be rejected");
      if (fate === "fail") throw new FailureError("sandbox", "drawn to fail");
      if (fate === "vanish") return pass();
      if (fate === "pass") return pass({ id, n });
      return pass({ id: `${id}a`, n: n + 1 }, { id: `${id}b`, n: n + 2 });
    },
  });
}

const half = all<Item, Item>({
  name: "half",
  project: ({ id, n }) => ({ id, n }),
  decide: (seen) => seen.map((_, index) => (index % 2 === 0 ? null : reject("odd", "at an odd place"))),
});

function execute(drawn: Plan, source: readonly Item[], draining: AbortController, begun = () => {}) {
  const events: RunEvent[] = [];
  const line = from(source)
    .through(stage("one", drawn, at(drawn.concurrency, 0), begun))
    .through(half)
    .through(stage("three", drawn, at(drawn.concurrency, 1), begun));
  return {
    events,
    ...executeLine(line, {
      store,
      events: { write: (event) => void events.push(event) },
      executor: inProcess(),
      draining: draining.signal,
      signal: new AbortController().signal,
    }),
  };
}

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of source) out.push(item);
  return out;
}

const itemsOf = (count: number): Item[] => Array.from({ length: count }, (_, n) => ({ id: contentId("item", n), n }));

test("in every stage in = passed + rejected + failed + pending, and each takes what the one before gave out, drained or not", async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.option(fc.nat({ max: 20 }), { nil: null }), async (drawn, drainAt) => {
      const draining = new AbortController();
      let begun = 0;
      const run = execute(drawn, itemsOf(drawn.items), draining, () => {
        if (begun++ === drainAt) draining.abort();
      });
      const out = await gather(run.items);
      const rows = run.account.rows();
      for (const row of rows) {
        expect(row.in).toBe(row.passed + row.rejected + row.failed + row.pending);
        expect(Object.values(row.reasons).reduce((sum, count) => sum + count, 0)).toBe(row.rejected);
        const ended = run.events.filter((event) => event.type === "item" && event.stage === row.stage);
        expect(ended).toHaveLength(row.in - row.pending);
        expect(run.account.underWay(row.stage)).toBe(0);
      }
      expect(rows.map((row) => row.in).slice(1)).toEqual(rows.map((row) => row.out).slice(0, -1));
      expect(rows.at(-1)?.out).toBe(out.length);
      if (!draining.signal.aborted) {
        expect(rows[0]?.in).toBe(drawn.items);
        expect(rows.map((row) => row.pending)).toEqual([0, 0, 0]);
      }
    }),
    { numRuns: 100 },
  );
});

test("shuffled arrivals and other timings give the same bytes behind an `all`", async () => {
  const after = async (drawn: Plan, source: readonly Item[]) => {
    const line = from(source)
      .through(stage("one", drawn, at(drawn.concurrency, 0), () => {}))
      .through(half);
    const events: RunEvent[] = [];
    const never = new AbortController().signal;
    const { items } = executeLine(line, {
      ...{ store, executor: inProcess(), draining: never, signal: never, now: () => 0 },
      events: { write: (event) => void events.push(event) },
    });
    const out = await gather(items);
    return JSON.stringify([out, events.filter((event) => event.type === "item" && event.stage === "half")]);
  };
  const arrivals = plan.chain((drawn) =>
    fc.record({
      drawn: fc.constant(drawn),
      order: fc.shuffledSubarray(itemsOf(drawn.items), { minLength: drawn.items, maxLength: drawn.items }),
      turns: plan.map((other) => other.turns),
      concurrency: plan.map((other) => other.concurrency),
    }),
  );
  await fc.assert(
    fc.asyncProperty(arrivals, async ({ drawn, order, ...other }) => {
      expect(await after({ ...drawn, ...other }, order)).toBe(await after(drawn, itemsOf(drawn.items)));
    }),
    { numRuns: 60 },
  );
});

test("a run stopped at any step and started again gives the same result, and computes nothing twice that it received", async () => {
  let folders = 0;
  const scenario = fc.record({
    items: fc.integer({ min: 1, max: 8 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    stops: fc.array(fc.record({ step: fc.nat({ max: 30 }), drain: fc.boolean() }), { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ items, concurrency, stops }) => {
      const received = new Map<string, number>();
      const attempt = async (own: Store, stop?: { step: number; drain: boolean }) => {
        const remember = createRemember(own);
        const aborting = new AbortController();
        const draining = new AbortController();
        let steps = 0;
        const step = () => {
          if (steps++ === stop?.step) (stop.drain ? draining : aborting).abort(new Error("stopped"));
        };
        const stages = paidStages(remember, concurrency, step, received);
        const line = from(itemsOf(items)).through(stages.first).through(half).through(stages.second);
        const { items: out } = executeLine(line, {
          ...{ store: own, executor: inProcess(), events: { write: () => step() } },
          ...{ draining: draining.signal, signal: aborting.signal },
        });
        try {
          return JSON.stringify((await gather(out)).sort((a, b) => (a.id < b.id ? -1 : 1)));
        } catch (error) {
          if (!aborting.signal.aborted) throw error;
          return "stopped";
        }
      };
      const undisturbed = await openStore(join(root, `run-${folders++}`));
      const disturbed = await openStore(join(root, `run-${folders++}`));
      try {
        const expected = await attempt(undisturbed);
        received.clear();
        for (const stop of stops) await attempt(disturbed, stop);
        expect(await attempt(disturbed)).toBe(expected);
        expect([...received.values()].every((count) => count === 1)).toBe(true);
      } finally {
        await undisturbed[Symbol.asyncDispose]();
        await disturbed[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 25 },
  );
});

/** Two stages whose effect is remembered; `received` counts how often each value came in. */
function paidStages(remember: Remember, concurrency: number, step: () => void, received: Map<string, number>) {
  const paid = (name: string) =>
    each<Item, Item>({
      name,
      concurrency,
      keep: true,
      async run(body, { signal }) {
        step();
        const { value } = await remember(
          { kind: name, version: 1, id: body.id },
          z.number(),
          (spend) =>
            spend(async () => {
              step();
              await turns(body.n % 3);
              signal.throwIfAborted();
              received.set(`${name} ${body.id}`, (received.get(`${name} ${body.id}`) ?? 0) + 1);
              return body.n * 2;
            }),
          { signal },
        );
        return pass({ id: contentId(name, [body.id, value]), n: value });
      },
    });
  return { first: paid("first"), second: paid("second") };
}
