import { describe, expect, test } from "vitest";
import { FailureError } from "../../src/domain/errors.ts";
import { retryAfterMs } from "../../src/domain/retry-after.ts";
import { retry, TransientError, withDeadline } from "../../src/models/retry.ts";

const { signal } = new AbortController();

/** Runs a try that always ends with `error` and returns the waits between tries. */
async function waitsOf(error: TransientError, policy: Record<string, number> = {}, random = 1): Promise<number[]> {
  const waits: number[] = [];
  let nowMs = 0;
  await retry(() => Promise.reject(error), {
    what: "the endpoint",
    policy: { maxRetries: 5, firstWaitSeconds: 1, maxWaitSeconds: 60, totalSeconds: 900, ...policy },
    signal,
    now: () => nowMs,
    random: () => random,
    sleep: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
  }).catch((reason: unknown) => {
    if (!(reason instanceof FailureError)) throw reason;
  });
  return waits;
}

describe("waits between tries", () => {
  test("double from the first, up to the longest", async () => {
    expect(await waitsOf(new TransientError("x"), { maxWaitSeconds: 5 })).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test("are jittered over their whole length", async () => {
    expect(await waitsOf(new TransientError("x"), { maxRetries: 3 }, 0.25)).toEqual([250, 500, 1_000]);
  });

  test("begin with what the endpoint asked for, at most the longest, and are jittered after it", async () => {
    expect(await waitsOf(new TransientError("x", { retryAfterMs: 3_000 }), { maxRetries: 3 })).toEqual([
      4_000, 5_000, 7_000,
    ]);
    expect(await waitsOf(new TransientError("x", { retryAfterMs: 300_000 }), { maxRetries: 1 }, 0.5)).toEqual([60_500]);
  });

  test("are none without retries", async () => {
    expect(await waitsOf(new TransientError("x"), { maxRetries: 0 })).toEqual([]);
  });

  test("end where the next try would begin after the total time", async () => {
    expect(await waitsOf(new TransientError("x", { retryAfterMs: 10_000 }), { totalSeconds: 25 })).toEqual([
      11_000, 12_000,
    ]);
  });
});

test("an error that is not transient is thrown as it is, at once", async () => {
  const bug = new RangeError("a bug");
  let tries = 0;
  const call = retry(
    () => {
      tries += 1;
      return Promise.reject(bug);
    },
    {
      what: "the endpoint",
      policy: { maxRetries: 5, firstWaitSeconds: 0, maxWaitSeconds: 0, totalSeconds: 9 },
      signal,
      now: () => 0,
      random: () => 0,
      sleep: async () => {},
    },
  );
  await expect(call).rejects.toBe(bug);
  expect(tries).toBe(1);
});

test.each([
  [{ "retry-after": "7" }, 7_000],
  [{ "retry-after": "0.5" }, 500],
  [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
  [{ "retry-after": "Thu, 01 Jan 1970 00:00:30 GMT" }, 20_000],
  [{ "retry-after": "Thu, 01 Jan 1970 00:00:01 GMT" }, 0],
  [{ "retry-after": "soon" }, null],
  [{}, null],
])("%o asks for a wait of %s ms at 10 s after the epoch", (headers, ms) => {
  expect(retryAfterMs(new Headers(headers as Record<string, string>), 10_000)).toBe(ms);
});

test("a deadline ends a call that never returns, as an error worth another try", async () => {
  const never = (limit: AbortSignal) =>
    new Promise<never>((_resolve, reject) => limit.addEventListener("abort", () => reject(limit.reason)));
  await expect(withDeadline(5, signal, never)).rejects.toThrow(TransientError);
});

test("a call is not begun when its caller has stopped already", async () => {
  let begun = false;
  const call = withDeadline(5, AbortSignal.abort(new Error("enough")), async () => {
    begun = true;
  });
  await expect(call).rejects.toThrow("enough");
  expect(begun).toBe(false);
});
