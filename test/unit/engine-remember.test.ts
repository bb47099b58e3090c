import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Spend, Store } from "../../src/contracts.ts";
import { FailureError } from "../../src/domain/errors.ts";
import { thisHolder } from "../../src/engine/holder.ts";
import { createRecall, createRemember, lostIntents } from "../../src/engine/remember.ts";
import { openStore } from "../../src/engine/store.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tracemill-remember-"));
  store = await openStore(folder, { leasePollMs: 5 });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const what = { kind: "answer", version: 1, question: "why?" };
const signal = new AbortController().signal;
const intents = () => [...store.keys("intent/")];

/** A computation that counts how often it ran and can be held up. */
function computation(result: () => unknown = () => "because") {
  let finish = () => {};
  const allowed = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const counted = {
    runs: 0,
    finish: () => finish(),
    now: async () => {
      counted.runs += 1;
      return result() as string;
    },
    held: async () => {
      counted.runs += 1;
      await allowed;
      return result() as string;
    },
  };
  return counted;
}

describe("remember", () => {
  test("computes once and then gives the stored value, also to a later process", async () => {
    const compute = computation();
    const first = await createRemember(store, { now: () => 0 })(what, z.string(), compute.now, { signal });
    const again = await createRemember(store)(what, z.string(), compute.now, { signal });
    expect(first).toEqual({
      value: "because",
      key: expect.stringMatching(/^answer\/[0-9a-f]{64}$/),
      remembered: false,
    });
    expect(again).toEqual({ ...first, remembered: true });
    expect(compute.runs).toBe(1);
    expect(store.get(first.key)).toEqual({ version: 1, at: "1970-01-01T00:00:00.000Z", value: "because" });
  });

  test("does not depend on the order of the identity's members", async () => {
    const compute = computation();
    const remember = createRemember(store);
    await remember(what, z.string(), compute.now, { signal });
    await remember({ question: "why?", version: 1, kind: "answer" }, z.string(), compute.now, { signal });
    expect(compute.runs).toBe(1);
  });

  test("computes again for another version of the identity", async () => {
    const compute = computation();
    const remember = createRemember(store);
    await remember(what, z.string(), compute.now, { signal });
    await remember({ ...what, version: 2 }, z.string(), compute.now, { signal });
    expect(compute.runs).toBe(2);
  });

  test("lets identical calls under way share one computation", async () => {
    const compute = computation();
    const remember = createRemember(store);
    const calls = [1, 2, 3].map(() => remember(what, z.string(), compute.held, { signal }));
    compute.finish();
    const results = await Promise.all(calls);
    expect(compute.runs).toBe(1);
    expect(results.map(({ value, remembered }) => [value, remembered])).toEqual([
      ["because", false],
      ["because", true],
      ["because", true],
    ]);
  });

  test("lets two processes' calls share one computation through the lease", async () => {
    await using otherStore = await openStore(folder, { leasePollMs: 5 });
    const compute = computation();
    const mine = createRemember(store)(what, z.string(), compute.held, { signal });
    const theirs = createRemember(otherStore)(what, z.string(), compute.held, { signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    compute.finish();
    expect((await Promise.all([mine, theirs])).filter(({ remembered }) => remembered)).toHaveLength(1);
    expect(compute.runs).toBe(1);
  });

  test("never stores an error, and the next call tries again", async () => {
    const remember = createRemember(store);
    const broken = computation(() => {
      throw new FailureError("provider", "down");
    });
    const fine = computation();
    await expect(remember(what, z.string(), (spend) => spend(broken.now), { signal })).rejects.toThrow("down");
    expect([...store.keys("")]).toEqual([]);
    expect((await remember(what, z.string(), fine.now, { signal })).value).toBe("because");
  });

  test("goes on for a second caller when the first one was told to stop", async () => {
    const remember = createRemember(store);
    const stop = new AbortController();
    const cut = remember(
      what,
      z.string(),
      () => new Promise<string>((_, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason))),
      { signal: stop.signal },
    );
    const compute = computation();
    const second = remember(what, z.string(), compute.now, { signal });
    await store.put("any", 1);
    stop.abort(new Error("told to stop"));
    await expect(cut).rejects.toThrow("told to stop");
    expect((await second).value).toBe("because");
  });

  test("recalls what is stored, also by another process, and computes nothing", async () => {
    const recall = createRecall(store);
    expect(recall(what, z.string())).toBeNull();
    await using otherStore = await openStore(folder);
    const { key } = await createRemember(otherStore)(what, z.string(), computation().now, { signal });
    await expect.poll(() => recall(what, z.string())).toEqual({ value: "because", key, remembered: true });
  });

  test("tells a computation to stop once nobody wants it any more, and waits until it has", async () => {
    const remember = createRemember(store);
    const stops = [new AbortController(), new AbortController()];
    let [began, ended] = [0, 0];
    const untilUnwanted = (_spend: Spend, wanted: AbortSignal) => {
      began += 1;
      return new Promise<string>((_, reject) => {
        wanted.addEventListener("abort", () => setTimeout(() => reject(++ended), 5));
      });
    };
    const calls = stops.map((stop) =>
      remember(what, z.string(), untilUnwanted, { signal: stop.signal }).catch((error: unknown) => [error, ended]),
    );
    await expect.poll(() => began).toBe(1);
    stops[0]?.abort("first");
    expect(await calls[0]).toEqual(["first", 0]);
    stops[1]?.abort("second");
    expect(await calls[1]).toEqual(["second", 1]);
  });

  test("gives the first caller exactly what later ones will read", async () => {
    const schema = z.object({ kept: z.string(), gone: z.string().optional() });
    const remember = createRemember(store);
    const compute = async () => ({ kept: "a", gone: undefined, unknown: 1 }) as z.infer<typeof schema>;
    const first = await remember(what, schema, compute, { signal });
    const again = await remember(what, schema, compute, { signal });
    expect(JSON.stringify(first.value)).toBe(JSON.stringify(again.value));
    expect(Object.keys(first.value)).toEqual(["kept"]);
  });

  test("says clearly that a stored value does not fit its schema", async () => {
    const remember = createRemember(store);
    await remember(what, z.string(), computation().now, { signal });
    await expect(remember(what, z.number(), async () => 1, { signal })).rejects.toThrow(
      /Expected the remembered answer `answer\/[0-9a-f]{64}` to fit its schema; where its shape changed, bump/,
    );
  });

  test("stores nothing that does not fit its schema", async () => {
    const remember = createRemember(store);
    await expect(remember(what, z.string(), async () => 1 as never, { signal })).rejects.toThrow(z.ZodError);
    expect([...store.keys("answer/")]).toEqual([]);
  });
});

describe("a paid computation", () => {
  test("leaves its intent in the store exactly while it is under way", async () => {
    const compute = computation();
    const call = createRemember(store)(what, z.string(), (spend) => spend(compute.held), { signal });
    while (compute.runs === 0) await new Promise(setImmediate);
    expect(intents()).toHaveLength(1);
    compute.finish();
    await call;
    expect(intents()).toEqual([]);
  });

  test("that a live process works on is not lost", async () => {
    const compute = computation();
    const call = createRemember(store)(what, z.string(), (spend) => spend(compute.held), { signal });
    while (compute.runs === 0) await new Promise(setImmediate);
    expect(await lostIntents(store)).toBe(0);
    compute.finish();
    await call;
  });

  test("that a dead process never received is counted as lost once", async () => {
    await store.put("intent/answer/0", { ...thisHolder(), started: "long ago" });
    await store.put("intent/answer/1", { ...thisHolder(), boot: "another" });
    expect(await lostIntents(store)).toBe(2);
    expect(await lostIntents(store)).toBe(0);
  });

  test("whose value a dead process did commit is not lost", async () => {
    const { key } = await createRemember(store)(what, z.string(), computation().now, { signal });
    await store.put(`intent/${key}`, { ...thisHolder(), started: "long ago" });
    expect(await lostIntents(store)).toBe(0);
    expect(intents()).toEqual([]);
  });

  test("that was cut off by an abort stays counted, one whose error was received does not", async () => {
    const remember = createRemember(store);
    const stop = new AbortController();
    const cut = remember(
      what,
      z.string(),
      (spend) =>
        spend(async () => {
          stop.abort(new Error("stop"));
          throw stop.signal.reason;
        }),
      { signal: stop.signal },
    );
    await expect(cut).rejects.toThrow("stop");
    expect(intents()).toHaveLength(1);
    await remember(what, z.string(), (spend) => spend(computation().now), { signal });
    expect(remember.lost()).toBe(1);
    expect(intents()).toEqual([]);
  });
});
