import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FailureError } from "../../src/domain/errors.ts";
import { createBreaker } from "../../src/sandboxes/breaker.ts";
import { startQueue } from "../../src/sandboxes/start-queue.ts";

const policy = { failures: 3, firstPauseMs: 1_000, longestPauseMs: 4_000, patienceMs: 20_000 };
const signal = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function lab() {
  const told: string[] = [];
  const breaker = createBreaker(policy, { name: "docker", tell: (line) => told.push(line) });
  const tries: number[] = [];
  const engine = { isUp: false };
  const task = async () => {
    tries.push(Date.now());
    if (!engine.isUp) throw new FailureError("sandbox", "refused");
    return "started";
  };
  return { breaker, told, tries, engine, task };
}

async function breakIt({ breaker, task }: ReturnType<typeof lab>): Promise<void> {
  for (let times = 0; times < policy.failures; times++)
    await expect(breaker.run(task, signal)).rejects.toThrow("refused");
}

test("an engine that failed three times in a row is asked by one caller after each pause, and the pauses double to a bound", async () => {
  const seen = lab();
  await breakIt(seen);
  const began = Date.now();
  const waiting = Array.from({ length: 5 }, async () => {
    for (;;) {
      try {
        return await seen.breaker.run(seen.task, signal);
      } catch (error) {
        if ((error as FailureError).code === "backend_down") throw error;
      }
    }
  });
  await vi.advanceTimersByTimeAsync(11_500);
  expect(seen.tries.slice(3).map((at) => at - began)).toEqual([1_000, 3_000, 7_000, 11_000]);
  seen.engine.isUp = true;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 5 }, () => "started"));
  expect(seen.breaker.isOpen()).toBe(false);
  expect(seen.told[0]).toContain("3 times in a row");
  expect(seen.told.at(-1)).toBe("docker starts sandboxes again, after 15 s");
});

test("who waits for an engine that stays away fails once the patience has run out, and who comes later fails at once", async () => {
  const seen = lab();
  await breakIt(seen);
  const waiting = Promise.allSettled([1, 2].map(() => seen.breaker.run(() => new Promise(() => {}), signal)));
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(20_000);
  await expect(seen.breaker.run(seen.task, signal)).rejects.toMatchObject({ code: "backend_down" });
  void waiting;
});

test("a caller that leaves, or fails for a reason of its own, says nothing of the engine, and another tries", async () => {
  const seen = lab();
  await breakIt(seen);
  const own = seen.breaker.run(async () => {
    throw new TypeError("mine");
  }, signal);
  const failed = expect(own).rejects.toThrow("mine");
  const stop = new AbortController();
  const left = expect(seen.breaker.run(seen.task, stop.signal)).rejects.toThrow("gone");
  stop.abort(new Error("gone"));
  await left;
  seen.engine.isUp = true;
  const next = seen.breaker.run(seen.task, signal);
  await vi.advanceTimersByTimeAsync(1_000);
  await failed;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await next).toBe("started");
});

test("one success between failures keeps the engine in use", async () => {
  const seen = lab();
  for (const isUp of [false, false, true, false, false, true]) {
    seen.engine.isUp = isUp;
    await seen.breaker.run(seen.task, signal).catch(() => {});
  }
  expect(seen.breaker.isOpen()).toBe(false);
  expect(seen.told).toEqual([]);
});

test("no more starts go through in a second than may, whoever waits", async () => {
  const queue = startQueue({ perSecond: 3, atOnce: 2 });
  const at: number[] = [];
  const began = Date.now();
  const all = Array.from({ length: 8 }, () => queue.add(async () => void at.push(Date.now() - began)));
  await vi.advanceTimersByTimeAsync(5_000);
  await Promise.all(all);
  for (const start of at) expect(at.filter((other) => other >= start && other < start + 1_000).length).toBeLessThan(4);
  expect(Math.max(...at)).toBeLessThanOrEqual(3_000);
  const slow = startQueue({ perSecond: 0.5, atOnce: 2 });
  const slowAt: number[] = [];
  for (let each = 0; each < 3; each++) void slow.add(async () => void slowAt.push(Date.now()));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(slowAt).toHaveLength(2);
});
