import { expect, test } from "vitest";
import { teeInto } from "../../src/exports/tee.ts";
import { streamOf } from "./export-fixtures.ts";

const toList = async (items: AsyncIterable<number>) => {
  const list: number[] = [];
  for await (const item of items) list.push(item);
  return list;
};
const failing = (after: number) => async (items: AsyncIterable<number>) => {
  for await (const item of items) if (item === after) throw new Error(`reader broke at ${item}`);
  return [];
};
const turns = async (times: number) => {
  for (let time = 0; time < times; time += 1) await new Promise(setImmediate);
};

test("every reader sees every item in order, and results come in the readers' order", async () => {
  const sum = async (items: AsyncIterable<number>) => [(await toList(items)).reduce((a, b) => a + b, 0)];
  expect(await teeInto(streamOf([1, 2, 3]), [toList, sum, toList])).toEqual([[1, 2, 3], [6], [1, 2, 3]]);
});

test("the source is read no further than one item ahead of the slowest of 20,000 items' readers", async () => {
  let produced = 0;
  let peak = 0;
  const consumed = [0, 0, 0];
  const source = async function* () {
    for (produced = 1; produced <= 20_000; produced += 1) {
      peak = Math.max(peak, produced - Math.min(...consumed));
      yield produced;
    }
  };
  const reader = (index: number, pause: number) => async (items: AsyncIterable<number>) => {
    for await (const item of items) {
      if (item % 1_000 === 0) await turns(pause);
      consumed[index] = item;
    }
  };
  await teeInto(source(), [reader(0, 0), reader(1, 3), reader(2, 50)]);
  expect(consumed).toEqual([20_000, 20_000, 20_000]);
  expect(peak).toBe(1);
});

test("the first reader that breaks ends the pass with its error, and the source is closed", async () => {
  let closed = false;
  let seen = 0;
  const source = async function* () {
    try {
      for (let item = 1; ; item += 1) yield item;
    } finally {
      closed = true;
    }
  };
  const patient = async (items: AsyncIterable<number>) => {
    for await (const item of items) seen = item;
    return [];
  };
  await expect(teeInto(source(), [patient, failing(5), patient])).rejects.toThrow("reader broke at 5");
  expect(seen).toBe(5);
  expect(closed).toBe(true);
});

test("an error of the source reaches every reader", async () => {
  const reached: unknown[] = [];
  const source = async function* () {
    yield 1;
    throw new Error("source broke");
  };
  const reader = (items: AsyncIterable<number>) =>
    toList(items).catch((error: unknown) => {
      reached.push(error);
      throw error;
    });
  await expect(teeInto(source(), [reader, reader])).rejects.toThrow("source broke");
  expect(reached).toHaveLength(2);
});

test("a reader that breaks before it reads, or stops early, does not hold the others up", async () => {
  const first = async (items: AsyncIterable<number>) => {
    for await (const item of items) return [item];
    return [];
  };
  const never = async () => [];
  expect(await teeInto(streamOf([1, 2, 3]), [first, toList, never])).toEqual([[1], [1, 2, 3], []]);
  const early = () => Promise.reject(new Error("no disk"));
  await expect(teeInto(streamOf([1, 2, 3]), [toList, early])).rejects.toThrow("no disk");
});

test("an aborted signal ends the pass with its reason, before or in the middle of it", async () => {
  await expect(teeInto(streamOf([1]), [toList], { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow(
    "stop",
  );
  const abort = new AbortController();
  const source = async function* () {
    for (let item = 1; item < 1_000; item += 1) {
      if (item === 10) abort.abort(new Error("interrupted"));
      yield item;
    }
  };
  await expect(teeInto(source(), [toList, toList], { signal: abort.signal })).rejects.toThrow("interrupted");
});
