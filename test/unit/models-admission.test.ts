import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type Admission, createAdmissions } from "../../src/models/admission.ts";

const { signal } = new AbortController();
const endpoint = { baseUrl: "http://127.0.0.1:1/v1", key: null };

/** Requests that end when told to, and the order in which they were let in. */
function requestsAt(admission: Admission) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    ask(name: string, priority = 1, own = signal) {
      const send = () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      };
      return admission.admit(send, { signal: own, priority });
    },
    end(name: string) {
      ends.get(name)?.();
    },
  };
}

/** A pause that ends when told to. */
function heldSleep() {
  const sleeps: { ms: number; wake: () => void }[] = [];
  const sleep = (ms: number, stop: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      sleeps.push({ ms, wake: resolve });
      stop.addEventListener("abort", () => reject(stop.reason));
    });
  return { sleeps, sleep };
}

describe("admission", () => {
  test("lets in as many at once as stated, and a second try before a first one", async () => {
    const { begun, ask, end } = requestsAt(createAdmissions().of(endpoint, "one", { concurrency: 1 }));
    const all = [ask("a"), ask("b"), ask("second try of c", 2)];
    await turn();
    expect(begun).toEqual(["a"]);
    for (const next of ["a", "second try of c", "b"]) {
      end(next);
      await turn();
    }
    await Promise.all(all);
    expect(begun).toEqual(["a", "second try of c", "b"]);
  });

  test("tells of each endpoint who asks it, how many wait, and its pauses, one for those that overlap", async () => {
    let nowMs = 0;
    const admissions = createAdmissions({ sleep: heldSleep().sleep, now: () => nowMs });
    const admission = admissions.of(endpoint, "one", { concurrency: 1 });
    admissions.of(endpoint, "two", {});
    admissions.of({ ...endpoint, key: "k" }, "three", {});
    const { ask, end } = requestsAt(admission);
    const asked = [ask("a"), ask("b")];
    await turn();
    const loads = () =>
      admissions.endpoints().map(({ aliases, waiting, pauses, pausedMs }) => ({ aliases, waiting, pauses, pausedMs }));
    const idle = { aliases: ["three"], waiting: 0, pauses: 0, pausedMs: 0 };
    expect(loads()).toEqual([{ aliases: ["one", "two"], waiting: 1, pauses: 0, pausedMs: 0 }, idle]);
    admission.pause(5_000);
    admission.pause(8_000);
    nowMs = 3_000;
    expect(loads()).toEqual([{ aliases: ["one", "two"], waiting: 1, pauses: 1, pausedMs: 5_000 }, idle]);
    nowMs = 9_000;
    admission.pause(1_000);
    expect(loads()[0]).toMatchObject({ pauses: 2 });
    nowMs = 11_000;
    for (const name of ["a", "b"]) {
      end(name);
      await turn();
    }
    void Promise.allSettled(asked);
  });

  test("lets nobody in during a pause, and everybody after it", async () => {
    const { sleep, sleeps } = heldSleep();
    const admission = createAdmissions({ sleep, now: () => 0 }).of(endpoint, "one", {});
    const { begun, ask, end } = requestsAt(admission);
    admission.pause(5_000);
    const asked = ask("a");
    await turn();
    expect(begun).toEqual([]);
    expect(sleeps.map(({ ms }) => ms)).toEqual([5_000]);
    sleeps[0]?.wake();
    await turn();
    expect(begun).toEqual(["a"]);
    end("a");
    await asked;
  });

  test("a longer pause asked for during a pause holds to its end", async () => {
    const { sleep, sleeps } = heldSleep();
    const admission = createAdmissions({ sleep, now: () => 0 }).of(endpoint, "one", {});
    const { begun, ask, end } = requestsAt(admission);
    admission.pause(1_000);
    const asked = ask("a");
    admission.pause(9_000);
    sleeps[0]?.wake();
    await turn();
    expect(begun).toEqual([]);
    expect(sleeps.map(({ ms }) => ms)).toEqual([1_000, 9_000]);
    sleeps[1]?.wake();
    await turn();
    end("a");
    await asked;
  });

  test("a pause that outlives the requests is forgotten when its time is over", async () => {
    let nowMs = 0;
    const { sleep, sleeps } = heldSleep();
    const admission = createAdmissions({ sleep, now: () => nowMs }).of(endpoint, "one", {});
    const { begun, ask, end } = requestsAt(admission);
    const first = ask("a");
    admission.pause(5_000);
    end("a");
    await first;
    nowMs = 6_000;
    const second = ask("b");
    await turn();
    expect(begun).toEqual(["a", "b"]);
    expect(sleeps).toHaveLength(1);
    end("b");
    await second;
  });

  test("whoever waits in a pause can stop", async () => {
    const { sleep } = heldSleep();
    const admission = createAdmissions({ sleep, now: () => 0 }).of(endpoint, "one", {});
    const { begun, ask } = requestsAt(admission);
    admission.pause(60_000);
    const controller = new AbortController();
    const asked = ask("a", 1, controller.signal);
    controller.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
    expect(begun).toEqual([]);
  });

  test("lets in as many as stated in any minute", async () => {
    vi.useFakeTimers();
    try {
      const admission = createAdmissions().of(endpoint, "one", { requestsPerMinute: 2, concurrency: 9 });
      let begun = 0;
      const send = async () => {
        begun += 1;
      };
      const all = [1, 2, 3, 4, 5].map(() => admission.admit(send, { signal, priority: 1 }));
      const counts = [];
      for (const ms of [0, 59_000, 2_000, 57_000, 3_000]) {
        await vi.advanceTimersByTimeAsync(ms);
        counts.push(begun);
      }
      expect(counts).toEqual([2, 2, 4, 4, 5]);
      await Promise.all(all);
    } finally {
      vi.useRealTimers();
    }
  });

  test("another key or address is another endpoint", () => {
    const admissions = createAdmissions();
    const one = admissions.of(endpoint, "one", {});
    expect(admissions.of(endpoint, "two", {})).toBe(one);
    expect(admissions.of({ ...endpoint, key: "k" }, "three", { concurrency: 2 })).not.toBe(one);
    expect(admissions.of({ ...endpoint, baseUrl: "http://127.0.0.1:2/v1" }, "four", { concurrency: 3 })).not.toBe(one);
  });
});
