import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Model, Store } from "../../src/contracts.ts";
import { BudgetError, RejectionError, StoreError, UsageError } from "../../src/domain/errors.ts";
import { openLedger } from "../../src/engine/ledger.ts";
import { openStore } from "../../src/engine/store.ts";
import { createBudget } from "../../src/models/budget.ts";
import { type BudgetConfig, checkBudget } from "../../src/models/budget-config.ts";
import { boundOf, type Charges, type Cost, costOfError } from "../../src/models/charge.ts";
import { RefusedError } from "../../src/models/endpoint-error.ts";
import { TransientError } from "../../src/models/retry.ts";
import { ledgerOf } from "../../src/run/open-budget.ts";

const signal = new AbortController().signal;

/** A budget whose time stands until it is moved, with everything that it kept and told. */
function lab(limits: BudgetConfig, before: readonly Charges[] = []) {
  let nowMs = 0;
  const kept: Charges[] = [];
  const told: string[] = [];
  const keep = async (value: Charges) => void kept.push(value);
  const budget = createBudget({ limits, before, keep, tell: (line) => void told.push(line), now: () => nowMs });
  const ask = (item: string | null, usd: number, stage = "solve", tokens = 100) =>
    budget.reserve({ alias: "m", stage, item, bound: { usd, tokens } }, signal);
  return {
    ...{ budget, kept, told, ask },
    passHours: (hours: number) => {
      nowMs += hours * 3_600_000;
    },
    spent: () => budget.spent().map(({ scope, unit, spent }) => `${scope} ${unit} ${Number(spent.toFixed(6))}`),
  };
}

const cost = (usd: number, tokens = 10): Cost => ({ usd, tokens });

describe("a budget", () => {
  test("holds back what requests under way may cost, lets others wait for what they leave, and says no where nothing will be left", async () => {
    const { ask, spent, budget } = lab({ usd: 1 });
    const first = await ask("a", 0.6);
    let second: unknown;
    const waits = ask("b", 0.6).then((reservation) => {
      second = reservation;
      return reservation;
    });
    await new Promise(setImmediate);
    expect([second, spent()]).toEqual([undefined, ["run usd 0"]]);
    first.settle(cost(0.1));
    (await waits).settle(null); // nobody knows: its bound stays
    expect(spent()).toEqual(["run usd 0.7"]);
    await expect(ask("c", 0.4)).rejects.toThrow(
      new BudgetError("`budget.usd` is spent: $0.7 of $1.00, and the next request may cost up to $0.4"),
    );
    expect(budget.refusals()).toEqual([{ stage: null, unit: "usd", spent: expect.closeTo(0.7), limit: 1, more: 0.4 }]);
  });

  test("once it said no lets only those go on that had begun, as long as it holds them", async () => {
    const { ask } = lab({ usd: 1 });
    (await ask("begun", 0.1)).settle(cost(0.1));
    await expect(ask("large", 2)).rejects.toThrow(BudgetError);
    await expect(ask("small", 0.01)).rejects.toThrow(BudgetError);
    await expect(ask(null, 0.01)).rejects.toThrow(BudgetError);
    (await ask("begun", 0.5)).settle(cost(0.5));
    await expect(ask("begun", 0.5)).rejects.toThrow(BudgetError);
  });

  test("gives what comes free to those that had begun, before others", async () => {
    const { ask } = lab({ usd: 1 });
    (await ask("begun", 0.1)).settle(cost(0.1));
    const open = await ask("other", 0.8);
    const order: string[] = [];
    const waiting = ["new", "begun"].map(async (item) => {
      const reservation = await ask(item, 0.5);
      order.push(item);
      reservation.settle(cost(0));
    });
    open.settle(cost(0.2));
    await Promise.all(waiting);
    expect(order).toEqual(["begun", "new"]);
  });

  test("of a stage holds that stage alone; the run's own holds all, also what no item asks", async () => {
    const { ask, spent } = lab({ requests: 3, stages: { solve: { requests: 1 } } });
    await ask("a", 1);
    await expect(ask("b", 1)).rejects.toThrow("`budget.stages.solve.requests` is spent: 1 of 1 requests");
    await ask("b", 1, "judge");
    await ask(null, 1, "judge");
    await expect(ask("c", 1, "judge")).rejects.toThrow("`budget.requests` is spent");
    expect(spent()).toEqual(["run requests 3", "solve requests 1"]);
  });

  test("counts what earlier runs were charged, with the bounds of what they had under way", async () => {
    const first = lab({ usd: 1 });
    (await first.ask("a", 0.5)).settle(cost(0.2));
    await first.ask("b", 0.5);
    const before = first.kept.at(-1) as Charges;
    expect(before).toMatchObject({ run: { usd: 0.7, requests: 2, tokens: 110 }, underWay: 1 });
    const second = lab({ usd: 1 }, [before]);
    expect(second.spent()).toEqual(["run usd 0.7"]);
    await expect(second.ask("b", 0.31)).rejects.toThrow(BudgetError);
    await lab({ usd: 1.02 }, [before]).ask("b", 0.31);
  });

  test("of hours runs on with the clock and lets nothing begin after them; a stage's are those with requests under way", async () => {
    const { ask, passHours, spent, kept } = lab({ hours: 2, stages: { solve: { hours: 1 } } });
    passHours(0.5);
    const open = await ask("a", 1);
    passHours(0.75);
    expect(spent()).toEqual(["run hours 1.25", "solve hours 0.75"]);
    open.settle(cost(1));
    passHours(0.25);
    expect(spent()).toEqual(["run hours 1.5", "solve hours 0.75"]);
    await ask("a", 1, "judge");
    passHours(0.5);
    await expect(ask("a", 1, "judge")).rejects.toThrow("`budget.hours` is spent: 2 of 2 hours");
    expect(kept.at(-1)).toMatchObject({ run: { hours: 1.5 }, stages: { solve: { hours: 0.75 } } });
  });

  test("charges what an answer cost also above its bound, and says so once", async () => {
    const { ask, spent, told } = lab({ usd: 10 });
    (await ask("a", 1)).settle(cost(3, 500));
    (await ask("a", 1)).settle(cost(3, 500));
    expect(spent()).toEqual(["run usd 6"]);
    expect(told).toEqual([expect.stringContaining("500 tokens, more than the 100 tokens")]);
  });

  test("lets nothing be sent once it cannot keep what it charges", async () => {
    let isFull = false;
    const keep = async () => {
      if (isFull) throw new StoreError("the disk is full");
    };
    const budget = createBudget({ limits: { usd: 1 }, before: [], keep, tell: () => {} });
    const asked = (usd: number) => ({ alias: "m", stage: null, item: null, bound: { usd, tokens: 1 } });
    await budget.reserve(asked(0.5), signal);
    const waiting = budget.reserve(asked(0.6), signal);
    isFull = true;
    await expect((await budget.reserve(asked(0.1), signal)).kept).rejects.toThrow("the disk is full");
    await expect(waiting).rejects.toThrow(StoreError);
    await expect(budget.reserve(asked(0.1), signal)).rejects.toThrow(StoreError);
  });

  test("ends a wait with the signal's reason, and refuses a request that nothing bounds", async () => {
    const { budget, ask } = lab({ usd: 1 });
    await ask("a", 0.9);
    const stop = new AbortController();
    const asked = { alias: "m", stage: "solve", item: "b", bound: { usd: 0.9, tokens: 1 } };
    const waiting = budget.reserve(asked, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    const unbounded = { ...asked, bound: { usd: null, tokens: 1 } };
    await expect(budget.reserve(unbounded, signal)).rejects.toThrow(UsageError);
  });
});

describe("what a request is charged", () => {
  const payload = { model: "m", max_tokens: 50, messages: [{ role: "user", content: "größer" }] };

  test("is at most its bytes and its token limit, at the dearer price of input", () => {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    const rates = { inputPerMillion: 2, cachedInputPerMillion: 3, outputPerMillion: 10 };
    expect(boundOf(payload, rates)).toEqual({ usd: (3 * bytes + 10 * 50) / 1e6, tokens: bytes + 50 });
    expect(boundOf({ ...payload, max_tokens: undefined }, rates)).toEqual({ usd: null, tokens: null });
    expect(boundOf({ ...payload, max_tokens: undefined }, { inputPerMillion: 0, outputPerMillion: 0 })).toEqual({
      ...{ usd: 0, tokens: null },
    });
    expect(boundOf(payload, undefined)).toEqual({ usd: null, tokens: bytes + 50 });
  });

  const nothing = { usd: 0, tokens: 0 };
  const said = { whom: "an answer", said: "no", wayOut: "Mend it." };
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  test.each([
    ["429", new TransientError("busy", { status: 429 }), nothing],
    ["500", new TransientError("broken", { status: 500 }), nothing],
    ["504, whose model may have answered", new TransientError("late", { status: 504 }), null],
    ["a connection that never stood", new TransientError("no connection", { cause: refused }), nothing],
    ["a connection that broke", new TransientError("reset", { cause: new Error("ECONNRESET") }), null],
    ["no answer in time", new TransientError("no complete answer within 300 s"), null],
    ["a key that is refused", new RefusedError("standing", said, new Error("HTTP 401")), nothing],
    ["a status that is not known", new RefusedError("request", said, new Error("HTTP 418")), nothing],
    ["a run that another endpoint stops, which refuses everything", new UsageError("401"), null],
    ["a run that a broken store stops", new StoreError("disk full"), null],
    ["a content filter, which some services charge for", new RejectionError("content_filter", "400"), null],
    ["a run that stops at once", new Error("interrupted twice"), null],
  ])("after %s is what is sure", (_, error, expected) => {
    expect(costOfError(error)).toEqual(expected);
  });
});

test("a fallback is held to the budget as its model is, and free answers need no limit", () => {
  const price = { inputPerMillion: 1, outputPerMillion: 2, asOf: "2026-11-01" };
  const model = (name: string, more: object) => ({ name, price, tokenLimit: { usual: 9, most: 9 }, ...more }) as Model;
  const check = (...models: Model[]) => checkBudget({ usd: 1 }, { stages: [], models });
  check(model("teacher", {}), model("judge", { price: { ...price, outputPerMillion: 0 }, tokenLimit: null }));
  expect(() => check(model("teacher", {}), model("teacher/fallback-1", { price: null }))).toThrow(
    "models.teacher.fallbacks.0.price: expected a price, because `budget.usd` is set",
  );
});

describe("a ledger", () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tracemill-ledger-"));
    store = await openStore(folder);
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const open = (name = "one") => openLedger(store, { name, schema: z.number(), first: 0, signal });

  test("gives what every earlier run kept last, and has one writer at a time", async () => {
    {
      await using first = await open();
      expect(first.before).toEqual([]);
      await first.keep(1);
      await first.keep(7);
      await expect(open()).rejects.toThrow(`got process ${process.pid}, which runs the same config since`);
      await using _ = await open("another");
    }
    {
      await using second = await open();
      await second.keep(2);
      expect(second.before).toEqual([7]);
    }
    await using third = await open();
    expect(third.before.toSorted()).toEqual([2, 7]);
  });

  test("takes over from a process that died as it was", async () => {
    const holder = { boot: "another boot", pid: 1, started: "1" };
    await store.put("ledger/one/x", { version: 1, holder, since: "2026-11-25T00:00:00.000Z", ended: false, value: 5 });
    await using ledger = await open();
    expect(ledger.before).toEqual([5]);
  });

  test("is one for all configs that pay for the same, whatever their budget, price, limits and export", () => {
    const config = { recipe: "sft", seed: 1, models: { m: { model: "m", maxTokens: 5 } }, rollouts: { attempts: 2 } };
    const same = {
      ...config,
      ...{
        budget: { usd: 5 },
        prices: "./prices.yaml",
        maxFailureRate: 1,
        export: { formats: ["parquet"] },
        version: 1,
      },
      models: { m: { model: "m", maxTokens: 5, concurrency: 3, price: { inputPerMillion: 1 }, maxRetries: 2 } },
      rollouts: { attempts: 2, concurrency: 9 },
    };
    const name = (one: object) => ledgerOf(one as never);
    expect(name(same)).toBe(name(config));
    expect(name({ ...config, seed: 2 })).not.toBe(name(config));
  });
});
