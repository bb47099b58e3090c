import { expect, test } from "vitest";
import { runSnapshot } from "../../src/domain/run-snapshot.ts";
import { createAccount } from "../../src/engine/account.ts";
import { createAdmissions } from "../../src/models/admission.ts";
import { createMeter } from "../../src/models/meter.ts";
import { snapshotsOf } from "../../src/run/take-snapshot.ts";

const ends = { opened: 9, closed: 6, killed: 1, failed: { sandbox_lost: 1 } };

test("a snapshot puts together what account, meter, admissions and backend know, one endpoint once", () => {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const { account, stage } = createAccount(["a", "b"], { write: () => {} }, now);
  const meter = createMeter();
  const admissions = createAdmissions({ now });
  let draining = false;
  const alias = (name: string, port: number) => {
    admissions.of({ baseUrl: `http://127.0.0.1:${port}`, key: null }, name, {});
    return { name, identity: { endpoint: "the program", model: "m" } };
  };
  const take = snapshotsOf({
    ...{ run: "r", recipe: "sft", startedMs: nowMs, account, meter, admissions, target: 5, now },
    models: [alias("one", 1), alias("two", 2)], // one program behind two ports
    backend: { occupancy: () => ({ open: 1, limit: 3, waiting: 0 }), ends: () => ends },
    budget: () => [{ scope: "run", unit: "usd", spent: 1, limit: 2 }],
    isDraining: () => draining,
  });
  expect(runSnapshot.parse(take())).toMatchObject({
    state: "starting",
    endpoints: [{ endpoint: "the program", sent: 0 }],
  });

  const usage = { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0, costUsd: 0.5 };
  const [a, b] = [stage("a"), stage("b")];
  for (let second = 1; second <= 60; second++) {
    nowMs += 1000;
    a.enter(`i${second}`);
    a.begin(`i${second}`);
    a.reject(`i${second}`, { code: second % 3 === 0 ? "rare" : "common", message: "" });
    a.settle(`i${second}`);
    meter.send(second % 2 === 0 ? "one" : "two", "rollouts").received(usage as never);
    take();
  }
  a.enter("last");
  a.begin("last");
  b.enter("x");
  meter.send("one", "rollouts");
  nowMs += 2500;
  const snapshot = runSnapshot.parse(take());
  expect(snapshot).toMatchObject({
    state: "running",
    target: 5,
    endpoints: [{ endpoint: "the program", model: "m", inFlight: 1, sent: 61, inputTokens: 600, costUsd: 30 }],
    slowest: [{ stage: "a", id: "last", seconds: 2.5 }],
    sandboxes: { open: 1, limit: 3, waiting: 0, ends },
    secondsLeft: null,
    budget: [{ scope: "run", unit: "usd", spent: 1, limit: 2 }],
  });
  const [first] = snapshot.stages;
  expect(first).toMatchObject({ in: 61, rejected: 60, underWay: 1, pending: 1 });
  expect(first?.reasons).toEqual([
    { code: "common", count: 40 },
    { code: "rare", count: 20 },
  ]);
  expect(first?.perMinute).toBeGreaterThan(50);
  expect(first?.perMinute).toBeLessThanOrEqual(60);
  expect(snapshot.endpoints[0]?.perMinute).toBe(first?.perMinute);
  draining = true;
  expect(take().state).toBe("draining");
  expect(take("owed")).toMatchObject({ state: "owed", secondsLeft: null });
});
