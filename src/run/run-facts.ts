// What a run's tries tell for its card: how many were kept, and how the judge judged. One pass over the ledger, holding numbers only.
import type { RunLedger } from "../archive/run-ledger.ts";
import { meanScore } from "../domain/mean.ts";
import type { EndedCandidate } from "../domain/products.ts";
import type { ToolDefinition } from "../domain/trajectory.ts";
import type { JudgeCertificate, TryCounts } from "../exports/card/subject.ts";

/** What `runFacts` finds. `tries` and `judge` are null where the run has none; `scaffold` where it had none or several. */
export interface RunFacts {
  readonly tries: TryCounts | null;
  readonly judge: JudgeCertificate | null;
  readonly tools: readonly ToolDefinition[];
  readonly scaffold: string | null;
}

export function runFacts(ledger: RunLedger, thresholds: Readonly<Record<string, unknown>>): RunFacts {
  const counts = { tried: 0, accepted: 0, steps: 0, failedSteps: 0 };
  const byDifficulty: Record<string, [number, number]> = {};
  const byDataset: Record<string, [number, number]> = {};
  const judged = judgeTally(thresholds);
  const scaffolds = new Set<string>();
  const tools = new Map<string, ToolDefinition>();
  for (const taskId of ledger.taskIds)
    for (const ended of ledger.triesOf(taskId)) {
      const { candidate, accepted, dataset } = ended;
      counts.tried += 1;
      if (accepted) counts.accepted += 1;
      add(byDifficulty, candidate.attempt.task.difficulty ?? "none", accepted);
      add(byDataset, dataset, accepted);
      for (const { step } of candidate.trajectory.turns) {
        if (step === null) continue;
        counts.steps += 1;
        if (step.end !== "ok") counts.failedSteps += 1;
      }
      scaffolds.add(candidate.trajectory.scaffold);
      for (const tool of candidate.trajectory.tools ?? []) tools.set(tool.name, tool);
      judged.add(ended);
    }
  const [scaffold = null] = scaffolds.size === 1 ? scaffolds : [];
  return {
    tries: counts.tried === 0 ? null : { ...counts, byDifficulty, byDataset },
    judge: judged.certificate(),
    tools: [...tools.values()],
    scaffold,
  };
}

function add(counts: Record<string, [number, number]>, name: string, accepted: boolean): void {
  const [kept, tried] = counts[name] ?? [0, 0];
  counts[name] = [kept + (accepted ? 1 : 0), tried + 1];
}

function judgeTally(thresholds: Readonly<Record<string, unknown>>) {
  const scores = new Map<string, number[]>();
  const spreads = new Map<string, number[]>();
  const kept: number[] = [];
  const dropped: number[] = [];
  let judged = 0;
  let votes = 0;
  let repaired = 0;
  return {
    add({ candidate: { verdict }, accepted, reason }: EndedCandidate): void {
      if (verdict === null) return;
      judged += 1;
      votes += verdict.votes.length;
      repaired += verdict.votes.filter(({ repairs }) => repairs.length > 0).length;
      const mean = meanScore(Object.values(verdict.criteria));
      if (accepted) kept.push(mean);
      else if (reason?.code.startsWith("low_") === true) dropped.push(mean);
      for (const [name, score] of Object.entries(verdict.criteria)) {
        push(scores, name, score);
        const each = verdict.votes.flatMap(({ criteria }) =>
          criteria.filter((one) => one.name === name).map((one) => one.score),
        );
        if (each.length > 1) push(spreads, name, deviation(each));
      }
    },
    certificate(): JudgeCertificate | null {
      if (judged === 0) return null;
      return {
        judged,
        votes,
        repaired,
        criteria: [...scores].map(([name, values]) => {
          const spread = spreads.get(name);
          return { name, mean: meanScore(values), spread: spread === undefined ? null : meanScore(spread) };
        }),
        kept: quantiles(kept),
        dropped: quantiles(dropped),
        thresholds,
      };
    },
  };
}

function push(lists: Map<string, number[]>, name: string, value: number): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

function deviation(values: readonly number[]): number {
  const mean = meanScore(values);
  return Math.sqrt(meanScore(values.map((value) => (value - mean) ** 2)));
}

// Nearest rank: a value that some candidate really has.
function quantiles(values: readonly number[]): [number, number, number] | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
  return [at(0.1), at(0.5), at(0.9)];
}
