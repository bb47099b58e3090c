import fc from "fast-check";
import { expect, test } from "vitest";
import { createAdmissions } from "../../src/models/admission.ts";
import { virtualTime } from "../kit/virtual-time.ts";

/** When somebody asks, in which stage, with which bound, what it comes to, and how it ends after how long. */
const request = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })),
  stage: fc.constantFrom("a", "b", null),
  bound: fc.integer({ min: 0, max: 400 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  tookMs: fc.integer({ min: 0, max: 30_000 }),
  end: fc.constantFrom("answered", "answered", "answered", "limited", "unanswered", "stopped", "not sent"),
});

test("no minute has more requests or tokens than are allowed, and everybody comes in, for random schedules and ends", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 400, max: 3_000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      async (requests, requestsPerMinute, tokensPerMinute, concurrency, isDown) => {
        const time = virtualTime();
        const limits = { requestsPerMinute, tokensPerMinute, concurrency };
        const admission = createAdmissions(time).of({ baseUrl: "http://x/v1", key: null }, "one", limits);
        const { signal } = new AbortController();
        const sent: { atMs: number; tokens: number }[] = [];
        let underWay = 0;
        let mostUnderWay = 0;
        let done = 0;
        for (const { afterMs, stage, bound, share, tookMs, end: ends } of requests) {
          const end = isDown ? "unanswered" : ends;
          if (afterMs > 0) await time.advance(afterMs);
          const used = Math.floor(bound * share);
          const asking = { signal, priority: 1, stage, tokens: bound, model: "m", patienceMs: 1e12 };
          const asked = admission.admit(async (place) => {
            if (end === "not sent") return;
            underWay += 1;
            mostUnderWay = Math.max(mostUnderWay, underWay);
            // What was lost stays at its bound: nobody knows what the endpoint counted.
            const tokens = end === "answered" ? used : end === "limited" ? 0 : bound;
            sent.push({ atMs: time.now(), tokens });
            await time.sleep(tookMs, new AbortController().signal);
            underWay -= 1;
            if (end === "answered") place.answered(null, used);
            if (end === "limited") place.limited(null, { pauseMs: tookMs, maxWaitMs: 60_000 });
            if (end === "unanswered") place.unanswered({ words: "503", pauseMs: null, isOverload: true });
            if (end === "stopped") place.stopped();
          }, asking);
          void asked.then(() => {
            done += 1;
          });
        }
        await time.advance(24 * 3_600_000);
        expect(done).toBe(requests.length);
        expect(mostUnderWay).toBeLessThanOrEqual(concurrency);
        for (const { atMs } of sent) {
          const minute = sent.filter((each) => each.atMs >= atMs && each.atMs <= atMs + 60_000);
          expect(minute.length).toBeLessThanOrEqual(requestsPerMinute);
          expect(minute.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(tokensPerMinute);
        }
      },
    ),
    { numRuns: 150 },
  );
});
