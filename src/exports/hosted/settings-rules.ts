// The numbered rules that are about a job's settings and not about its file. Pure.
import type { LineProblem } from "../chat-line.ts";

/** Characters that a service takes as a suffix of the tuned model's name. */
const longestSuffix = { openai: 64, azure: 18, together: 40 } as const;
const suffixRules = { openai: "OA-SUFFIX", azure: "AZ-R4", together: "TG-R14" } as const;

/** A suffix that the service would refuse; null where it takes it. */
export function suffixProblem(target: keyof typeof longestSuffix, suffix: string): LineProblem | null {
  const most = longestSuffix[target];
  if (suffix.length >= 1 && suffix.length <= most) return null;
  return {
    rule: suffixRules[target],
    field: "suffix",
    message: `Expected a suffix of 1 to ${most} characters, got ${suffix.length}: \`${suffix}\``,
  };
}

/** FW-R1 (rows times epochs), FW-R7 and FW-R8: what a Fireworks job's settings break. */
export function fireworksSettingsProblems(settings: {
  readonly rows: number;
  readonly epochs: number;
  readonly loraRank: number;
  readonly datasetId: string;
}): LineProblem[] {
  const { rows, epochs, loraRank, datasetId } = settings;
  const problems: LineProblem[] = [];
  if (rows * epochs > 3_000_000)
    problems.push({
      rule: "FW-R1",
      field: "epochs",
      message: `Expected at most 3,000,000 rows times epochs, got ${rows} times ${epochs}; fewer epochs`,
    });
  if (!Number.isInteger(loraRank) || loraRank < 1 || loraRank > 32 || (loraRank & (loraRank - 1)) !== 0)
    problems.push({
      rule: "FW-R7",
      field: "lora-rank",
      message: `Expected a power of two up to 32, got \`${loraRank}\``,
    });
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(datasetId))
    problems.push({
      rule: "FW-R8",
      field: "dataset",
      message: `Expected a letter, then up to 62 lower-case letters, digits and dashes, got \`${datasetId}\``,
    });
  return problems;
}

/** What Together AI reports of a file it has taken in (TG-R15). */
export interface ValidationReport {
  readonly valid?: boolean;
  readonly nlines?: number;
  readonly error?: string | null;
  readonly dataset_has_tools?: boolean;
  readonly dataset_has_reasoning?: boolean;
  readonly dataset_has_message_weights?: boolean;
}

/** TG-R15: where the service's report differs from what was written. A field that it does not report is no difference. */
export function validationReportProblems(
  report: ValidationReport,
  written: { readonly rows: number; readonly tools: boolean; readonly reasoning: boolean; readonly weights: boolean },
): LineProblem[] {
  const rule = "TG-R15";
  const problems: LineProblem[] = [];
  if (report.valid === false)
    problems.push({
      rule,
      field: "valid",
      message: `The service refuses the file: ${report.error ?? "no reason given"}`,
    });
  const compare = (field: keyof ValidationReport, expected: number | boolean) => {
    const got = report[field];
    if (got === undefined || got === null || got === expected) return;
    problems.push({ rule, field, message: `Expected the service to read \`${expected}\`, as written, got \`${got}\`` });
  };
  compare("nlines", written.rows);
  compare("dataset_has_tools", written.tools);
  compare("dataset_has_reasoning", written.reasoning);
  compare("dataset_has_message_weights", written.weights);
  return problems;
}
