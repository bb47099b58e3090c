// Whatever prices, sizes, concurrency and faults come together: what a server counted by itself is never above the budget.
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { BudgetError, FailureError } from "../../src/domain/errors.ts";
import { createRemember } from "../../src/engine/remember.ts";
import { openStore } from "../../src/engine/store.ts";
import { createAdmissions } from "../../src/models/admission.ts";
import { type Charges, charges, createBudget } from "../../src/models/budget.ts";
import { createMeter } from "../../src/models/meter.ts";
import { modelConfig, openModels } from "../../src/models/open.ts";
import { spendingAs } from "../../src/models/spender.ts";

const endings = ["answer", "answer", "answer", "no_usage", "cut", "reset", "busy", "gateway", "refused"] as const;

/** Numbers spread evenly, where fast-check's own fractions crowd at the ends. */
function hundredths(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min: Math.round(100 * min), max: Math.round(100 * max) }).map((value) => value / 100);
}

/** What a case draws: prices in dollars a million tokens, a budget as a share of what everything could cost, and how each request ends. */
const plan = fc.record({
  price: fc.record({
    inputPerMillion: hundredths(0, 20),
    outputPerMillion: hundredths(0.01, 60),
  }),
  maxTokens: fc.integer({ min: 1, max: 400 }),
  sizes: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 4, maxLength: 14 }),
  share: hundredths(0.1, 0.9),
  unit: fc.constantFrom("usd", "tokens", "requests" as const),
  ofStage: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 6 }),
  endings: fc.array(fc.constantFrom(...endings), { minLength: 1, maxLength: 12 }),
  /** Part of its bound that an answer takes. */
  taken: fc.array(hundredths(0.3, 1), { minLength: 1, maxLength: 8 }),
  /** After so many requests the process dies; the next one goes on. */
  kills: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const root = await mkdtemp(join(tmpdir(), "tracemill-budget-"));
afterAll(() => rm(root, { recursive: true }));

/** A server that bills whoever it answered, also where the answer was lost on its way; refusals cost nothing but a request. */
async function billingServer(drawn: Plan) {
  const billed = { usd: 0, tokens: 0, requests: 0 };
  let onRequest = () => {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      // What becomes of a request follows from what it says and how often it was said, so that a retry may end otherwise.
      const draw = createHash("sha256").update(`${text} ${billed.requests}`).digest().readUInt32BE();
      const ending = drawn.endings[draw % drawn.endings.length] ?? "answer";
      const taken = drawn.taken[draw % drawn.taken.length] ?? 1;
      billed.requests += 1;
      onRequest();
      const promptTokens = Math.floor(taken * Buffer.byteLength(text));
      const answerTokens = Math.floor(taken * (JSON.parse(text) as { max_tokens: number }).max_tokens);
      if (ending === "busy" || ending === "refused") {
        const status = ending === "busy" ? 429 : 422;
        response
          .writeHead(status, { "content-type": "application/json" })
          .end(`{"error":{"message":"planned ${status}"}}`);
        return;
      }
      billed.tokens += promptTokens + answerTokens;
      billed.usd += (promptTokens * drawn.price.inputPerMillion + answerTokens * drawn.price.outputPerMillion) / 1e6;
      const answer = JSON.stringify({
        choices: [{ message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
        ...(ending === "no_usage" ? {} : { usage: { prompt_tokens: promptTokens, completion_tokens: answerTokens } }),
      });
      if (ending === "reset") return void response.socket?.resetAndDestroy();
      response.writeHead(ending === "gateway" ? 504 : 200, { "content-type": "application/json" });
      response.end(ending === "cut" ? answer.slice(0, answer.length / 2) : answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    billed,
    watch: (told: () => void) => {
      onRequest = told;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A store as a process that is killed leaves it: from then on nothing is committed, and nobody hears of it. */
function mortal(store: Store) {
  let isDead = false;
  const never = new Promise<never>(() => undefined);
  const mine = <T>(act: () => Promise<T>) => (isDead ? never : act());
  return {
    kill: () => {
      isDead = true;
    },
    store: {
      ...store,
      put: (key: string, value: unknown) => mine(() => store.put(key, value)),
      delete: (key: string) => mine(() => store.delete(key)),
      // Every request is one of a kind; a lease of this process would outlive the death that is played here.
      lease: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    } satisfies Store,
  };
}

let cases = 0;

async function spend(drawn: Plan) {
  await using server = await billingServer(drawn);
  const store = await openStore(join(root, `${++cases}`));
  const entry = {
    ...{ provider: "openai-compatible", baseUrl: server.url, model: "m", maxTokens: drawn.maxTokens, temperature: 1 },
    ...{ concurrency: drawn.concurrency, price: { ...drawn.price, asOf: "2026-11-01" } },
    retries: { attempts: 3, firstWaitSeconds: 0 },
  };
  const { inputPerMillion, outputPerMillion } = drawn.price;
  const bytes = drawn.sizes.reduce((sum, size) => sum + size + 120, 0);
  const answers = drawn.sizes.length * drawn.maxTokens;
  const whole = {
    usd: (bytes * inputPerMillion + answers * outputPerMillion) / 1e6,
    tokens: bytes + answers,
    requests: drawn.sizes.length,
  };
  const share = drawn.share * whole[drawn.unit];
  const limit = drawn.unit === "usd" ? share : Math.max(1, Math.floor(share));
  const limits = drawn.ofStage ? { stages: { asks: { [drawn.unit]: limit } } } : { [drawn.unit]: limit };

  let refused = 0;
  let fates = { answered: 0, budget: 0, failed: 0 };
  const before: Charges[] = [];
  for (const killAfter of [...drawn.kills, Number.POSITIVE_INFINITY]) {
    const life = mortal(store);
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    // One ledger's record of each process; the last one it committed is what the next finds.
    const key = `ledger/test/${before.length}`;
    const budget = createBudget({
      ...{ limits, before: [...before], tell: (line) => expect.fail(line) },
      keep: (value) => life.store.put(key, value),
    });
    const deps = {
      remember: createRemember(life.store),
      meter: createMeter(),
      admissions: createAdmissions(),
      env: {},
    };
    await using models = await openModels({ m: modelConfig.parse(entry) }, { ...deps, budget });
    const model = models.get("m");
    const died = new Promise<void>((resolve) => {
      let left = killAfter;
      server.watch(() => {
        left -= 1;
        if (left > 0) return;
        life.kill();
        abort.abort(new Error("killed"));
        resolve();
      });
    });
    const mine = { answered: 0, budget: 0, failed: 0 };
    fates = mine;
    const work = drawn.sizes.map(async (size, index) => {
      const messages = [{ role: "user" as const, content: `${index} ${"x".repeat(size)}` }];
      try {
        await spendingAs({ stage: "asks", item: `i${index % 5}` }, () =>
          model.complete({ messages }, { sample: 0, signal: abort.signal }),
        );
        mine.answered += 1;
      } catch (error) {
        if (error instanceof BudgetError) mine.budget += 1;
        else if (error instanceof FailureError) mine.failed += 1;
        else if (!abort.signal.aborted) throw error;
      }
    });
    await Promise.race([Promise.all(work), died]);
    for (const { spent, limit: allowed } of budget.spent()) expect(spent).toBeLessThanOrEqual(allowed * (1 + 1e-9));
    refused += budget.refusals().length;
    const kept = store.get(key);
    if (kept !== undefined) before.push(charges.parse(kept));
  }
  await store[Symbol.asyncDispose]();
  return { billed: server.billed, limit, refused, fates, before };
}

test("what a server billed, over processes that were killed too, is never above the budget, and the ledger knows at least that", {
  timeout: 120_000,
}, async () => {
  const seen = { refusing: 0, killed: 0, shares: [] as number[] };
  await fc.assert(
    fc.asyncProperty(plan, async (drawn) => {
      const { billed, limit, refused, fates, before } = await spend(drawn);
      expect(billed[drawn.unit]).toBeLessThanOrEqual(limit * (1 + 1e-9));
      const charged = (unit: "usd" | "tokens" | "requests") => before.reduce((sum, one) => sum + one.run[unit], 0);
      for (const unit of ["usd", "tokens", "requests"] as const) {
        expect(charged(unit) * (1 + 1e-9)).toBeGreaterThanOrEqual(billed[unit]);
      }
      expect(fates.answered + fates.budget + fates.failed).toBe(drawn.sizes.length);
      if (refused > 0) {
        seen.refusing += 1;
        seen.shares.push(billed[drawn.unit] / limit);
      }
      if (drawn.kills.length > 0) seen.killed += 1;
    }),
    { numRuns: 60 },
  );
  // Or the cases meet nothing that the law is about.
  expect(seen.refusing).toBeGreaterThan(20);
  expect(seen.killed).toBeGreaterThan(20);
  console.log(
    `${cases} cases, ${seen.killed} with kills, ${seen.refusing} met their budget; ${Math.round((100 * seen.shares.reduce((a, b) => a + b, 0)) / seen.shares.length)} % of it billed in these`,
  );
});
