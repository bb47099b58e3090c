import { expect, test } from "vitest";
import { budgetSentence, closingWords, statusOf } from "../../src/archive/run-end.ts";
import type { FunnelRow } from "../../src/domain/run.ts";

const well = { failing: false, interrupted: false, budget: false, owed: 0, examples: 5, target: 5 };
const row = (stage: string, pending: number, failed = 0): FunnelRow => ({
  ...{
    stage,
    in: 9,
    passed: 9 - pending - failed,
    rejected: 0,
    failed,
    pending,
    out: 9 - pending - failed,
    reasons: {},
  },
});

test("a run's status is what matters most of what happened to it", () => {
  expect(statusOf(well)).toBe("done");
  expect(statusOf({ ...well, examples: 4 })).toBe("short");
  expect(statusOf({ ...well, examples: 4, owed: 1 })).toBe("owed");
  expect(statusOf({ ...well, owed: 1, budget: true })).toBe("budget");
  expect(statusOf({ ...well, budget: true, interrupted: true })).toBe("interrupted");
  expect(statusOf({ ...well, budget: true, interrupted: true, failing: true })).toBe("failing");
});

test("a spent budget is told with what waits where, what else is owed, and the way out", () => {
  const funnel = [row("propose", 0), row("rollouts", 7, 1), row("judge", 1)];
  const because = budgetSentence(["`budget.usd` is spent: $9.98 of $10.00"], funnel);
  expect(because).toBe(
    "Stopped by its budget: `budget.usd` is spent: $9.98 of $10.00 (what runs before spent counts). " +
      "Waiting: 7 at rollouts, 1 at judge, and 1 item owed because something broke. " +
      "Raise it and run the same command again: nothing that was received is paid twice.",
  );
  const summary = {
    ...{ run: "r", status: "budget" as const, because, examples: 2, funnel, costUsd: 9.98, wallSeconds: 60 },
    requests: { sent: 9, remembered: 0, failed: 0, lost: 0 },
    tokens: { input: 1, output: 1 },
  };
  const words = closingWords({ summary, path: "runs/r", files: [], target: 5, flags: "", notes: [] });
  expect(words).toContain(`${because} Until then the exports are provisional.`);
  expect(words).not.toContain("Asked for 5");
});
