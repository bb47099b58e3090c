import type { TuningFile } from "../contracts.ts";

/** TG-R15: where Together AI's report of a file differs from what was written. A field that it does not report is no difference. */
export function reportProblems(
  report: Readonly<Record<string, unknown>>,
  written: Pick<TuningFile, "rows" | "tools" | "reasoning" | "weights">,
): string[] {
  const problems: string[] = [];
  if (report.valid === false) problems.push(String(report.error ?? report.message ?? "the file is not valid"));
  const compare = (field: string, expected: number | boolean) => {
    const got = report[field];
    if (got === undefined || got === null || got === expected) return;
    problems.push(`TG-R15: expected the service to read \`${field}: ${expected}\`, as written, got \`${String(got)}\``);
  };
  compare("nlines", written.rows);
  compare("dataset_has_tools", written.tools);
  compare("dataset_has_reasoning", written.reasoning);
  compare("dataset_has_message_weights", written.weights);
  return problems;
}
