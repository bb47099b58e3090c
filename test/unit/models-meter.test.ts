import { expect, test } from "vitest";
import { usedUsd } from "../../src/domain/run.ts";
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
  meter.send("teacher", "rollouts").received(usage(10, 5, 0.25));
  meter.send("teacher", "rollouts").failed();
  meter.send("judge", "rollouts").received(usage(1, 2, 0.5));
  meter.send("judge", "rollouts");
  meter.remembered("judge", "judge", `completion/${"a".repeat(64)}`, usage(100, 50, 9));
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
    ...{ cachedInputTokens: 0, reasoningTokens: 0, estimated: 0, rememberedUsd: 9 },
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
  meter.send("teacher", "rollouts").received(usage(10, 5, 0.25));
  meter.send("judge", "rollouts").received(usage(10, 5, null));
  expect(meter.total().costUsd).toBeNull();
  expect(meter.aliases().teacher?.costUsd).toBe(0.25);
});

test("some aliases can be summed apart, also one that did nothing", () => {
  const meter = createMeter();
  meter.send("teacher", "rollouts").received(usage(10, 5, 0.25));
  meter.send("judge", "rollouts").received(usage(1, 2, null));
  expect(meter.total(["teacher", "proposer"])).toMatchObject({ sent: 1, inputTokens: 10, costUsd: 0.25 });
  expect(meter.total(["judge"])).toMatchObject({ sent: 1, costUsd: null });
  expect(meter.total([])).toMatchObject({ sent: 0, costUsd: 0 });
});

test("a completion that is used twice cost once, and one received in this run is no money of an earlier one", () => {
  const meter = createMeter();
  const key = (digit: string) => `completion/${digit.repeat(64)}`;
  meter.send("teacher", "rollouts").received(usage(10, 5, 0.25));
  meter.keeps(key("a"));
  meter.remembered("teacher", "rollouts", key("a"), usage(10, 5, 0.25));
  meter.remembered("teacher", "rollouts", key("b"), usage(20, 6, 0.5));
  meter.remembered("judge", "judge", key("b"), usage(20, 6, 0.5));
  expect(meter.total()).toMatchObject({ remembered: 3, rememberedInputTokens: 20, costUsd: 0.25, rememberedUsd: 0.5 });
  expect(usedUsd(meter.spend())).toBe(0.75);
});

test("each stage and model has its line, in the order in which they were first asked", () => {
  const meter = createMeter();
  const detailed = { ...usage(10, 5, 0.25), cachedInputTokens: 4, reasoningTokens: 3 };
  meter.send("teacher", "rollouts").received(detailed);
  meter.send("teacher", null).received({ ...usage(1, 1, null), estimated: true });
  meter.send("teacher", "rollouts").failed();
  const none = { remembered: 0, rememberedUsd: 0 };
  expect(meter.spend()).toEqual([
    {
      ...{ stage: "rollouts", model: "teacher", sent: 2, failed: 1, inputTokens: 10, cachedInputTokens: 4 },
      ...{ outputTokens: 5, reasoningTokens: 3, estimated: 0, costUsd: 0.25, ...none },
    },
    {
      ...{ stage: null, model: "teacher", sent: 1, failed: 0, inputTokens: 1, cachedInputTokens: 0 },
      ...{ outputTokens: 1, reasoningTokens: 0, estimated: 1, costUsd: null, ...none },
    },
  ]);
  expect(usedUsd(meter.spend())).toBeNull();
});
