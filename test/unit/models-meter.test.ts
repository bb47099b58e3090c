import { expect, test } from "vitest";
import { createMeter } from "../../src/models/meter.ts";

const usage = (inputTokens: number, outputTokens: number, costUsd: number | null) => ({
  inputTokens,
  cachedInputTokens: 0,
  outputTokens,
  reasoningTokens: 0,
  estimated: false,
  costUsd,
});

test("a meter at zero has cost nothing", () => {
  expect(createMeter().total()).toMatchObject({ sent: 0, remembered: 0, failed: 0, underWay: 0, costUsd: 0 });
});

test("each alias is counted apart and the total is their sum", () => {
  const meter = createMeter();
  meter.send("teacher").received(usage(10, 5, 0.25));
  meter.send("teacher").failed();
  meter.send("judge").received(usage(1, 2, 0.5));
  meter.send("judge");
  meter.remembered("judge", usage(100, 50, 9));
  expect(meter.aliases()).toEqual({
    teacher: expect.objectContaining({
      sent: 2,
      failed: 1,
      underWay: 0,
      inputTokens: 10,
      outputTokens: 5,
      costUsd: 0.25,
    }),
    judge: expect.objectContaining({ sent: 2, remembered: 1, underWay: 1, inputTokens: 1, costUsd: 0.5 }),
  });
  expect(meter.total()).toEqual({
    sent: 4,
    remembered: 1,
    failed: 1,

    underWay: 1,
    inputTokens: 11,
    outputTokens: 7,
    costUsd: 0.75,
    rememberedInputTokens: 100,
    rememberedOutputTokens: 50,
  });
});

test("one answer without a known price makes the cost unknown", () => {
  const meter = createMeter();
  meter.send("teacher").received(usage(10, 5, 0.25));
  meter.send("judge").received(usage(10, 5, null));
  expect(meter.total().costUsd).toBeNull();
  expect(meter.aliases().teacher?.costUsd).toBe(0.25);
});

test("some aliases can be summed apart, also one that did nothing", () => {
  const meter = createMeter();
  meter.send("teacher").received(usage(10, 5, 0.25));
  meter.send("judge").received(usage(1, 2, null));
  expect(meter.total(["teacher", "proposer"])).toMatchObject({ sent: 1, inputTokens: 10, costUsd: 0.25 });
  expect(meter.total(["judge"])).toMatchObject({ sent: 1, costUsd: null });
  expect(meter.total([])).toMatchObject({ sent: 0, costUsd: 0 });
});
