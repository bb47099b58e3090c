// Cancelling at any point: on every backend for real, with the moments drawn at random.
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend, leftOnHost } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;

/** When each part of a session's life is cut off, in milliseconds from its beginning; none where it is left alone. */
const cuts = fc.record({
  open: fc.option(fc.integer({ min: 0, max: 250 }), { nil: undefined }),
  run: fc.option(fc.integer({ min: 0, max: 150 }), { nil: undefined }),
  close: fc.integer({ min: 0, max: 100 }),
  code: fc.constantFrom("1", "import os; os._exit(1)", "import time; time.sleep(0.1)", "import os; os.fork(); 1"),
});

await describeEachBackend("a session that is cut off anywhere", (entry) => {
  test("is torn down once, leaves nothing, and has exactly one end", async () => {
    const dataDir = await dataFolder({ "a.csv": "x\n" });
    {
      const limits = { memoryMb: 256, concurrency: 3, preimport: [], stepTimeoutSeconds: 5 };
      await using backend = await openSandboxBackend({ backend: entry.name, ...limits, signal });
      const before = await leftOnHost(entry.name);
      let begun = 0;

      async function live(plan: { open?: number | undefined; run?: number | undefined; close: number; code: string }) {
        const cutAfter = (ms: number | undefined) => (ms === undefined ? signal : AbortSignal.timeout(ms));
        begun += 1;
        const sandbox = await backend.open({ dataDir, label: "cut", signal: cutAfter(plan.open) });
        const running = sandbox.run(plan.code, { signal: cutAfter(plan.run) }).catch(() => undefined);
        await Promise.race([running, sleep(plan.close)]);
        await Promise.all([sandbox[Symbol.asyncDispose](), sandbox[Symbol.asyncDispose]()]);
        await running;
        await expect(sandbox.run("1", { signal })).rejects.toThrow("closed");
      }

      await fc.assert(
        fc.asyncProperty(fc.array(cuts, { minLength: 4, maxLength: 4 }), async (plans) => {
          await Promise.allSettled(plans.map(live)).then((lives) => {
            for (const life of lives)
              if (life.status === "rejected") expect(String(life.reason)).toMatch(/Timeout|aborted/);
          });
          const { opened, closed, killed, failed } = backend.ends();
          expect(killed).toBe(0);
          expect(failed).toEqual({});
          expect(closed).toBe(opened);
          expect(opened).toBeLessThanOrEqual(begun);
          expect(backend.occupancy()).toEqual({ open: 0, limit: 3, waiting: 0 });
          // One whose caller has left is taken away behind its back.
          await expect.poll(() => leftOnHost(entry.name), { timeout: 10_000 }).toEqual(before);
        }),
        { numRuns: 6, endOnFailure: true },
      );
    }
    await rm(dataDir, { recursive: true });
  });
});
