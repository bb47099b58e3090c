import type { ExportProblem } from "../contracts.ts";

const most = 1_000;

/** Collects what a check finds: the first 1,000 problems, then one line that counts the rest, so that a hopeless file fits in memory. */
export function problemList() {
  const kept: ExportProblem[] = [];
  let dropped = 0;
  return {
    /** `severity` is "error" unless given. */
    add(problem: Omit<ExportProblem, "severity"> & { readonly severity?: ExportProblem["severity"] }): void {
      if (kept.length < most) kept.push({ severity: "error", ...problem });
      else dropped += 1;
    },
    /** In the order found. */
    all(): ExportProblem[] {
      if (dropped === 0) return kept;
      const message = `${dropped} more problems are not listed; mend these first and check again`;
      return [...kept, { rule: "MORE", line: 0, field: "", message, severity: "error" }];
    },
  };
}

/** What `problemList` makes. */
export type ProblemList = ReturnType<typeof problemList>;
