import { expect, test } from "vitest";
import type { LineProblem } from "../../src/exports/chat-line.ts";
import {
  fireworksSettingsProblems,
  suffixProblem,
  validationReportProblems,
} from "../../src/exports/hosted/settings-rules.ts";

const job = { rows: 100, epochs: 3, loraRank: 8, datasetId: "ds-agent" };
const report = { valid: true, nlines: 10, dataset_has_tools: true, dataset_has_reasoning: false };
const written = { rows: 10, tools: true, reasoning: false, weights: true };
const settings: [rule: string, what: string, bad: LineProblem[], fine: LineProblem[]][] = [
  ["OA-SUFFIX", "65 characters", suffix("openai", 65), suffix("openai", 64)],
  ["AZ-R4", "19 characters", suffix("azure", 19), suffix("azure", 18)],
  ["TG-R14", "41 characters", suffix("together", 41), suffix("together", 40)],
  ["TG-R14", "none", suffix("together", 0), suffix("together", 1)],
  ["FW-R1", "rows times epochs", fireworks({ rows: 1_500_001, epochs: 2 }), fireworks({ rows: 1_500_000, epochs: 2 })],
  ["FW-R7", "rank 12", fireworks({ loraRank: 12 }), fireworks({ loraRank: 32 })],
  ["FW-R7", "rank 64", fireworks({ loraRank: 64 }), fireworks({ loraRank: 1 })],
  ["FW-R8", "a capital letter", fireworks({ datasetId: "Agent" }), fireworks({ datasetId: "a".repeat(63) })],
  ["TG-R15", "another number of lines", reported({ nlines: 9 }), reported({})],
  ["TG-R15", "no functions", reported({ dataset_has_tools: false }), reported({})],
  ["TG-R15", "a refusal", reported({ valid: false, error: "line 3" }), reported({})],
];

function suffix(target: "openai" | "azure" | "together", length: number): LineProblem[] {
  const problem = suffixProblem(target, "x".repeat(length));
  return problem === null ? [] : [problem];
}

function fireworks(changes: Partial<typeof job>): LineProblem[] {
  return fireworksSettingsProblems({ ...job, ...changes });
}

function reported(changes: object): LineProblem[] {
  return validationReportProblems({ ...report, ...changes }, written);
}

test.each(settings)("%s of a job: %s is told", (rule, _what, bad, fine) => {
  expect(bad.map((problem) => problem.rule)).toEqual([rule]);
  expect(fine).toEqual([]);
});
