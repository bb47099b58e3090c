import { harmless, indent, oneLine, plural, table } from "../audit/text.ts";
import { type Remark, remarksKept, type Survey } from "../tasks/survey.ts";

/** A question as `check-tasks` lists it; `metric` is null where nothing checks the answer. */
export interface CheckedTask {
  readonly file: string;
  readonly line: number;
  readonly id: string | null;
  readonly dataset: string;
  readonly question: string;
  readonly answer: string | null;
  readonly metric: string | null;
  readonly params: Readonly<Record<string, unknown>> | null;
  readonly code: boolean;
}

/** Everything `check-tasks` tells; this is also its `--json`. */
export interface TaskCheck {
  readonly config: string | null;
  readonly files: readonly string[];
  readonly survey: Survey;
  /** Whether the reference code was parsed: that takes a config, for its sandbox. */
  readonly codeParsed: boolean;
  readonly tasks: readonly CheckedTask[];
}

/** The check as text for a terminal. */
export function taskCheckPage(check: TaskCheck): string {
  const { survey, tasks, files } = check;
  const many = files.length > 1;
  const counts = [
    `${plural(survey.questions, "question")}${survey.repeats > 0 ? ` (${survey.repeats} repeated)` : ""} in ${files.map(harmless).join(", ")}`,
    `${survey.withoutReference} without a reference answer, ${survey.withCode} with reference code${codeWords(check)}`,
  ];
  const parts = [counts.join("\n")];
  if (survey.questions > 0) {
    const named = (counted: Readonly<Record<string, number>>) =>
      Object.entries(counted)
        .map(([name, items]) => `${harmless(name)} ${items}`)
        .join(", ") || "none";
    parts.push(
      table([
        ["datasets", named(survey.datasets)],
        ["answers checked by", named(survey.metrics)],
      ]),
    );
    const rows = tasks.map((task) => [
      many ? `${task.file}:${task.line}` : String(task.line),
      oneLine(task.id ?? "-", 24),
      oneLine(task.question, 44),
      task.metric === null ? "nothing" : `${task.metric} ${oneLine(JSON.stringify(task.params), 40)}`,
      task.answer === null ? "" : oneLine(task.answer, 40),
    ]);
    parts.push(table([["line", "id", "question", "checked by", "reference answer"], ...rows]));
    if (survey.questions > tasks.length) parts.push(`… and ${survey.questions - tasks.length} more (--all)`);
  }
  parts.push(...remarkPart("warning", survey.warningCount, survey.warnings));
  parts.push(...remarkPart("problem", survey.errorCount, survey.errors));
  const good = survey.questions > 0 ? "Every line is a question that a run can take." : "No line holds anything.";
  if (survey.errorCount === 0) parts.push(good);
  return `${parts.join("\n\n")}\n`;
}

function codeWords({ survey, codeParsed }: TaskCheck): string {
  if (survey.withCode === 0) return "";
  return codeParsed ? " (parsed, not run: a run does that)" : " (not looked at: that takes --config)";
}

function remarkPart(noun: string, total: number, remarks: readonly Remark[]): string[] {
  if (total === 0) return [];
  const lines = remarks.map(({ file, line, field, message }) => `- ${file}:${line} ${field}: ${message}`);
  const more = total > remarksKept ? `\n- … and ${total - remarks.length} more` : "";
  return [`${plural(total, noun)}\n${indent(harmless(lines.join("\n")), "  ")}${more}`];
}
