import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { BudgetError, FailureError, RejectionError, StoreError } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import { type ExecuteOptions, executeLine } from "../../src/engine/execute.ts";
import { from, type Line } from "../../src/engine/line.ts";
import { all, each, type Identified, pass, reject } from "../../src/engine/stage.ts";
import { openStore } from "../../src/engine/store.ts";
import { executors } from "../../src/executors/index.ts";

interface Item extends Identified {
  readonly n: number;
}

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tracemill-engine-"));
  store = await openStore(folder);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const items = (count: number): Item[] => Array.from({ length: count }, (_, n) => ({ id: `i${n}`, n }));

function run<T extends Identified>(line: Line<T>, options: Partial<ExecuteOptions> = {}) {
  const written: RunEvent[] = [];
  const never = new AbortController().signal;
  const events = { write: (event: RunEvent) => void written.push(event) };
  const execution = executeLine(line, {
    ...{ store, events, executor: executors["in-process"](), draining: never, signal: never, now: () => 0 },
    ...options,
  });
  return { ...execution, written, collect: () => gather(execution.items) };
}

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of source) out.push(item);
  return out;
}

/** A gate that work waits at until it is opened. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe("an each stage", () => {
  test("rejects an item that was decided about without trying it, and tells of those it tried how they ended", async () => {
    const tried: string[] = [];
    const ended: (string | null)[] = [];
    const line = from(items(4)).through(
      each<Item, Item>({
        name: "ask",
        run(body) {
          tried.push(body.id);
          if (body.n === 1) throw new FailureError("provider", "no answer");
          return body.n === 2 ? reject("odd_one", "it is two") : pass(body);
        },
      }),
    );
    const { collect, account } = run(line, {
      decided: (stage, id) => (stage === "ask" && id === "i3" ? reject("waived", "by hand") : null),
      tried: (stage, failure) => void ended.push(`${stage}: ${failure?.message ?? "well"}`),
    });
    expect((await collect()).map(({ id }) => id)).toEqual(["i0"]);
    expect(tried).toEqual(["i0", "i1", "i2"]);
    expect(ended).toEqual(["ask: well", "ask: no answer", "ask: well"]);
    expect(account.rows()).toMatchObject([{ failed: 1, rejected: 2, reasons: { waived: 1, odd_one: 1 } }]);
  });

  test("turns one item into several, drops one with a reason, and owes one that failed", async () => {
    const line = from(items(4)).through(
      each<Item, Item>({
        name: "split",
        run({ id, n }) {
          if (n === 1) return reject("odd_one", "it is one", { n });
          if (n === 2) throw new FailureError("provider", "no answer");
          if (n === 3) throw new RejectionError("refusal", "it said no", { evidence: "no" });
          return pass({ id: `${id}a`, n }, { id: `${id}b`, n });
        },
      }),
    );
    const { collect, account, written } = run(line);
    expect((await collect()).map(({ id }) => id)).toEqual(["i0a", "i0b"]);
    expect(account.rows()).toEqual([
      {
        ...{ stage: "split", in: 4, passed: 1, rejected: 2, failed: 1, pending: 0, out: 2 },
        reasons: { odd_one: 1, refusal: 1 },
      },
    ]);
    const at = "1970-01-01T00:00:00.000Z";
    const item = { type: "item", at, stage: "split" };
    expect(written).toEqual([
      { ...item, id: "i0", outcome: "passed", out: ["i0a", "i0b"] },
      { ...item, id: "i1", outcome: "rejected", code: "odd_one", message: "it is one", evidence: { n: 1 } },
      { ...item, id: "i2", outcome: "failed", code: "provider", message: "no answer" },
      { ...item, id: "i3", outcome: "rejected", code: "refusal", message: "it said no", evidence: "no" },
    ]);
    expect(account.failures()).toEqual([{ stage: "split", id: "i2", kind: "provider", message: "no answer" }]);
  });

  test("works on at most `concurrency` items at once, and on that many where it can", async () => {
    let now = 0;
    let most = 0;
    const line = from(items(50)).through(
      each<Item, Item>({
        name: "busy",
        concurrency: 7,
        async run(body) {
          most = Math.max(most, ++now);
          await new Promise(setImmediate);
          now -= 1;
          return pass(body);
        },
      }),
    );
    expect(await run(line).collect()).toHaveLength(50);
    expect(most).toBe(7);
  });

  test("passes items on as they finish, not in the order they came", async () => {
    const first = gate();
    const line = from(items(3)).through(
      each<Item, Item>({
        name: "uneven",
        concurrency: 3,
        async run(body) {
          if (body.n === 0) await first.opened;
          return pass(body);
        },
      }),
    );
    const order: number[] = [];
    for await (const { n } of run(line).items) {
      order.push(n);
      if (order.length === 2) first.open();
    }
    expect(order).toEqual([1, 2, 0]);
  });

  test("is slowed by a slow stage behind it instead of piling up items", async () => {
    const slow = gate();
    let made = 0;
    let pulled = 0;
    const source = (function* () {
      for (const item of items(100)) {
        pulled += 1;
        yield item;
      }
    })();
    const line = from<Item>(source)
      .through(
        each<Item, Item>({
          name: "fast",
          concurrency: 4,
          run: (body) => {
            made++;
            return pass(body);
          },
        }),
      )
      .through(
        each<Item, Item>({
          name: "slow",
          concurrency: 2,
          async run(body) {
            await slow.opened;
            return pass(body);
          },
        }),
      );
    const { collect, account } = run(line);
    const done = collect();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(account.underWay("slow")).toBe(2);
    expect(made).toBeLessThanOrEqual(2 + 4 + 1);
    expect(pulled).toBeLessThanOrEqual(2 + 4 + 1);
    slow.open();
    expect(await done).toHaveLength(100);
  });

  test("keeps the bodies of what passed in the store where it is asked to", async () => {
    const line = from(items(1)).through(
      each<Item, Item>({ name: "kept", keep: true, run: (body) => pass({ ...body, n: 42 }) }),
    );
    const { collect, written } = run(line);
    await collect();
    const event = written[0];
    const key = event?.type === "item" ? event.bodies?.i0 : undefined;
    expect(key).toMatch(/^body\/[0-9a-f]{64}$/);
    expect(store.get(key as string)).toEqual({ id: "i0", n: 42 });
  });
});

describe("an all stage", () => {
  const evens = all<Item, { id: string; n: number }>({
    name: "evens",
    project: ({ id, n }) => ({ id, n }),
    decide: (seen) => seen.map(({ n }) => (n % 2 === 0 ? null : reject("odd", `${n} is odd`))),
  });

  test("sees every projection sorted by id, and yields in id order", async () => {
    let ids: string[] = [];
    const line = from([...items(12)].reverse()).through(
      all<Item, Identified>({
        name: "look",
        project: ({ id }) => ({ id }),
        decide(seen) {
          ids = seen.map(({ id }) => id);
          return seen.map(() => null);
        },
      }),
    );
    const out = await run(line).collect();
    expect(ids).toEqual(["i0", "i1", "i10", "i11", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9"]);
    expect(out.map(({ id }) => id)).toEqual(ids);
  });

  test("writes one event per item, with where its body lies", async () => {
    const { collect, account, written } = run(from(items(2)).through(evens));
    expect(await collect()).toEqual([{ id: "i0", n: 0 }]);
    expect(written.map((event) => event.type === "item" && [event.id, event.outcome, event.code])).toEqual([
      ["i0", "passed", undefined],
      ["i1", "rejected", "odd"],
    ]);
    const rejected = written[1];
    expect(rejected?.type === "item" && store.get(rejected.bodies?.i1 ?? "")).toEqual({ id: "i1", n: 1 });
    expect(account.rows()[0]).toMatchObject({ in: 2, passed: 1, rejected: 1, out: 1 });
  });

  test("still decides when something failed before it", async () => {
    const line = from(items(4))
      .through(
        each<Item, Item>({
          name: "fails",
          run(body) {
            if (body.n === 0) throw new FailureError("sandbox", "gone", { code: "sandbox_lost" });
            return pass(body);
          },
        }),
      )
      .through(evens);
    const { collect, account, written } = run(line);
    expect((await collect()).map(({ n }) => n)).toEqual([2]);
    expect(account.failures()).toEqual([
      { stage: "fails", id: "i0", kind: "sandbox", code: "sandbox_lost", message: "gone" },
    ]);
    expect(written[0]).toMatchObject({ outcome: "failed", code: "sandbox/sandbox_lost" });
    expect(account.rows().map(({ failed, passed }) => [failed, passed])).toEqual([
      [1, 3],
      [0, 1],
    ]);
  });

  test("decides nothing when the run drains: its items pend", async () => {
    const draining = new AbortController();
    const line = from(items(4))
      .through(
        each<Item, Item>({
          name: "drains",
          run(body) {
            if (body.n === 2) draining.abort();
            return pass(body);
          },
        }),
      )
      .through(evens);
    const { collect, account, written } = run(line, { draining: draining.signal });
    expect(await collect()).toEqual([]);
    expect(account.rows()[1]).toMatchObject({ stage: "evens", in: 3, passed: 0, rejected: 0, pending: 3 });
    expect(written.every((event) => event.type === "item" && event.stage === "drains")).toBe(true);
  });

  test("that does not answer for every item is a bug", async () => {
    const line = from(items(2)).through(
      all<Item, Identified>({ name: "short", project: ({ id }) => ({ id }), decide: () => [null] }),
    );
    await expect(run(line).collect()).rejects.toThrow("Expected stage `short` to decide on each of its 2 items, got 1");
  });
});

describe("a line that drains", () => {
  test("finishes what is under way, starts nothing new, and leaves the rest pending", async () => {
    const draining = new AbortController();
    const hold = gate();
    const started: string[] = [];
    const line = from(items(10))
      .through(
        each<Item, Item>({
          name: "first",
          concurrency: 3,
          async run(body) {
            started.push(`first ${body.n}`);
            await hold.opened;
            return pass(body);
          },
        }),
      )
      .through(
        each<Item, Item>({
          name: "second",
          run: (body) => {
            started.push(`second ${body.n}`);
            return pass(body);
          },
        }),
      );
    const { collect, account } = run(line, { draining: draining.signal });
    const done = collect();
    await new Promise(setImmediate);
    draining.abort();
    hold.open();
    expect(await done).toEqual([]);
    expect(started).toEqual(["first 0", "first 1", "first 2"]);
    expect(account.rows().map(({ in: entered, passed, pending }) => ({ entered, passed, pending }))).toEqual([
      { entered: 3, passed: 3, pending: 0 },
      { entered: 3, passed: 0, pending: 3 },
    ]);
  });
});

describe("an item that a budget does not hold", () => {
  test("stays pending, while the others go on through barriers to the end, and is neither failed nor tried", async () => {
    const tried: string[] = [];
    const spends = (name: string, isRefused: (n: number) => boolean) =>
      each<Item, Item>({
        name,
        concurrency: 3,
        async run(body, { signal }) {
          await new Promise(setImmediate);
          signal.throwIfAborted();
          if (isRefused(body.n)) throw new BudgetError("spent");
          return pass(body);
        },
      });
    const line = from(items(9))
      .through(spends("first", (n) => n % 3 === 0))
      .through(all<Item, Item>({ name: "chosen", project: (body) => body, decide: (all) => all.map(() => null) }))
      .through(spends("second", (n) => n === 8));
    const { collect, account, written } = run(line, {
      tried: (stage, failure) => void tried.push(`${stage} ${failure}`),
    });
    expect((await collect()).map(({ n }) => n)).toEqual([1, 2, 4, 5, 7]);
    expect(
      account
        .rows()
        .map(({ stage, in: entered, passed, failed, pending }) => [stage, entered, passed, failed, pending]),
    ).toEqual([
      ["first", 9, 6, 0, 3],
      ["chosen", 6, 6, 0, 0],
      ["second", 6, 5, 0, 1],
    ]);
    expect(tried).toHaveLength(11);
    expect(written.filter((event) => event.type === "item")).toHaveLength(17);
  });
});

describe("a line that stops at once", () => {
  test.each([
    ["a bug", new TypeError("undefined is not a function")],
    ["a store that cannot commit", new StoreError("disk full")],
  ])("for %s aborts what is under way, waits for it to settle, and throws that first error", async (_, error) => {
    let settled = 0;
    const line = from(items(10))
      .through(
        each<Item, Item>({
          name: "long",
          concurrency: 4,
          run: (body, { signal }) =>
            body.n === 0
              ? pass(body)
              : new Promise((_resolve, reject) => {
                  signal.addEventListener("abort", () =>
                    setImmediate(() => {
                      settled += 1;
                      reject(new FailureError("provider", "aborted"));
                    }),
                  );
                }),
        }),
      )
      .through(
        each<Item, Item>({
          name: "breaks",
          async run() {
            await new Promise(setImmediate);
            throw error;
          },
        }),
      );
    const { collect, account } = run(line);
    const thrown = await collect().catch((reason: unknown) => reason);
    // A bug says where it happened and keeps what happened; an error whose class says what to do stays as it is.
    if (error instanceof StoreError) expect(thrown).toBe(error);
    else expect(thrown).toEqual(new Error(`Stage \`breaks\` broke on item \`i0\`: ${error.message}`, { cause: error }));
    expect(settled).toBe(4);
    expect(account.rows()[0]).toMatchObject({ in: 5, passed: 1, failed: 0, pending: 4 });
    expect(account.underWay("long")).toBe(0);
  });

  test("for an abort from outside throws that abort's reason", async () => {
    const stop = new AbortController();
    const line = from(items(3)).through(
      each<Item, Item>({
        name: "waits",
        run: (_body, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
            setImmediate(() => stop.abort(new Error("stop now")));
          }),
      }),
    );
    await expect(run(line, { signal: stop.signal }).collect()).rejects.toThrow("stop now");
  });

  test("when its consumer leaves early, with nothing left running", async () => {
    const { items: out, account } = run(
      from(items(50)).through(
        each<Item, Item>({
          name: "work",
          concurrency: 5,
          async run(body) {
            await new Promise(setImmediate);
            return pass(body);
          },
        }),
      ),
    );
    for await (const _ of out) break;
    expect(account.underWay("work")).toBe(0);
    expect(account.rows()[0]?.in).toBeLessThan(50);
  });

  test("when its source throws", async () => {
    const source = (async function* () {
      yield { id: "i0", n: 0 };
      throw new Error("the source broke");
    })();
    const line = from<Item>(source).through(each<Item, Item>({ name: "any", run: (body) => pass(body) }));
    await expect(run(line).collect()).rejects.toThrow("the source broke");
  });
});

describe("the account", () => {
  test("knows what is under way and for how long, longest first, and forgets what has ended", async () => {
    const gates = [gate(), gate(), gate()];
    let nowMs = 0;
    const begun: number[] = [];
    const work = each<Item, Item>({
      name: "work",
      concurrency: 3,
      async run(item) {
        begun.push(item.n);
        await gates[item.n]?.opened;
        return item.n === 0 ? reject("dropped", "no") : pass({ ...item, id: `out${item.n}` });
      },
    });
    const source = (async function* () {
      for (const item of items(3)) {
        nowMs += 1000;
        yield item;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const { account, collect } = run(from(source).through(work), { now: () => nowMs });
    const collected = collect();
    while (begun.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(account.slowest(2)).toEqual([
      { stage: "work", id: "i0", sinceMs: 1000 },
      { stage: "work", id: "i1", sinceMs: 2000 },
    ]);
    expect(account.underWay("work")).toBe(3);
    gates[0]?.open();
    while (account.underWay("work") > 2) await new Promise((resolve) => setImmediate(resolve));
    expect(account.slowest(5).map(({ id }) => id)).toEqual(["i1", "i2"]);
    for (const { open } of gates) open();
    await collected;
    expect(account.slowest(5)).toEqual([]);
  });

  test("names the stage and the id where one id enters twice", async () => {
    const line = from(items(2)).through(each<Item, Item>({ name: "same", run: () => pass({ id: "x", n: 1 }) }));
    const next = line.through(each<Item, Item>({ name: "next", run: (body) => pass(body) }));
    await expect(run(next).collect()).rejects.toThrow("Expected an id to enter stage `next` once, got `x` twice");
  });
});
