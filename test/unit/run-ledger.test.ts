import { expect, test } from "vitest";
import { openRunLedger } from "../../src/archive/run-ledger.ts";
import { UsageError } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import { lines, runEvents, stages, writeRun } from "./audit-fixture.ts";

async function ledgerOf(options: Parameters<typeof writeRun>[0]) {
  const { folder, remove } = await writeRun(options);
  const ledger = await openRunLedger(folder);
  return {
    ledger,
    [Symbol.asyncDispose]: async () => {
      await ledger[Symbol.asyncDispose]();
      await remove();
    },
  };
}

const later = (event: Partial<Extract<RunEvent, { type: "item" }>>): RunEvent => ({
  ...{ type: "item", at: "2026-11-23T10:15:19.000Z", stage: "balance", id: "example_f000", outcome: "passed" },
  ...event,
});

test("tries end as examples or by a reason; a try that is pending or owed is none", async () => {
  await using opened = await ledgerOf({});
  const { ledger } = opened;
  expect(ledger.exampleIds).toEqual(["example_f000"]);
  expect(ledger.example("example_f000").trajectoryId).toBe("trajectory_a000");
  expect(ledger.taskIds).toEqual(["task_d000"]);
  const tries = ledger.triesOf("task_d000");
  expect(tries.map(({ id, accepted, reason }) => [id, accepted, reason?.code ?? null])).toEqual([
    ["trajectory_a000", true, null],
    ["trajectory_a100", false, "answer_differs"],
  ]);
  expect(tries[1]?.reason).toEqual({ stage: "score", code: "answer_differs", message: "Expected `79.84`, got `80`" });
  expect(ledger.triesOf("task_other")).toEqual([]);
});

test("an example that a later stage of a recipe drops is no example, and its try is dropped with that reason", async () => {
  const events = [...runEvents(), later({ outcome: "rejected", code: "too_many", message: "enough of these" })];
  await using opened = await ledgerOf({ events: lines(events), stages: [...stages, "balance"] });
  expect(opened.ledger.exampleIds).toEqual([]);
  const [first] = opened.ledger.triesOf("task_d000");
  expect([first?.accepted, first?.reason]).toEqual([
    false,
    { stage: "balance", code: "too_many", message: "enough of these" },
  ]);
});

test.each([
  ["owed there", [later({ outcome: "failed", code: "disk" })]],
  ["still pending there", []],
])("an example that is %s has not ended", async (_, more) => {
  await using opened = await ledgerOf({ events: lines([...runEvents(), ...more]), stages: [...stages, "balance"] });
  expect(opened.ledger.exampleIds).toEqual([]);
  expect(opened.ledger.triesOf("task_d000").map(({ id }) => id)).toEqual(["trajectory_a100"]);
});

test("an example that passes a later stage is one, with the body that was kept of it", async () => {
  const events = lines([...runEvents(), later({ out: ["example_f000"] })]);
  await using opened = await ledgerOf({ events, stages: [...stages, "balance"] });
  expect(opened.ledger.exampleIds).toEqual(["example_f000"]);
  expect(opened.ledger.example("example_f000").group).toBe("dataset_cc");
});

test("a body that is gone is told by its id, with the way out", async () => {
  await using opened = await ledgerOf({ store: false });
  expect(() => opened.ledger.example("example_f000")).toThrow(UsageError);
  expect(() => opened.ledger.triesOf("task_d000")).toThrow(
    /Expected the body of trajectory_a000 in the store `.*`, got none: .* Run the same config again/,
  );
});
