// How the answer of a user's own question is checked.
import { answerText } from "../domain/answer-text.ts";
import type { Reference } from "../domain/task.ts";
import { fileMetrics, metrics } from "../metrics/index.ts";
import { inferReference } from "../metrics/infer.ts";
import type { TaskLine } from "./task-line.ts";

/** A field that is wrong, what was expected there and what was got, and the way out. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

const longestTextAnswerChars = 200;

/** The reference of a line, null where it gives no answer, or what is wrong with it. The reference finds its own answer right. */
export function referenceOf(
  line: TaskLine,
): { readonly reference: Reference | null } | { readonly problem: FieldProblem } {
  const { reference_answer: given, metric, params } = line;
  if (given === null || given === undefined) {
    const useless = (["metric", "params", "reference_code"] as const).find((field) => (line[field] ?? null) !== null);
    if (useless === undefined) return { reference: null };
    const purpose = useless === "reference_code" ? "is run to vet" : "says how answers are compared with";
    return problem(
      useless,
      `it ${purpose} \`reference_answer\`, which is missing: give the answer, or leave \`${useless}\` out`,
    );
  }
  if (fileMetrics.some(({ name }) => name === metric)) {
    return problem(
      "metric",
      `\`${metric}\` compares files: name a \`reference_file\` (and a \`submission\`) instead of \`reference_answer\`, or another metric`,
    );
  }
  const inferred = inferReference(given, line.answer_format ?? "", line.constraints ?? "");
  if (answerText(given).trim() === "") {
    return problem("reference_answer", "expected an answer, got an empty one: give it, or leave the field out");
  }
  const reference: Reference = {
    answer: inferred.answer,
    metric: metric ?? inferred.metric,
    params: params ?? (metric === null || metric === undefined || metric === inferred.metric ? inferred.params : {}),
  };
  if (!metric && reference.metric === "text" && reference.answer.length > longestTextAnswerChars) {
    return problem(
      "metric",
      `missing, and cannot be inferred: an answer of ${reference.answer.length} characters is hardly met word for word. Ask for a number or for \`@name[value]\` in \`answer_format\`, write \`"metric": "text"\` to insist, or leave \`reference_answer\` out`,
    );
  }
  const scorer = metrics.find((entry) => entry.name === reference.metric);
  if (scorer === undefined) throw new Error(`Expected a metric of the list, got \`${reference.metric}\``);
  const own = scorer.score({ reference, submission: reference.answer });
  if (own.value === 1) return { reference };
  const names = metrics.map((entry) => `\`${entry.name}\``).join(", ");
  return problem(
    metric || params ? (own.reason.includes("params") ? "params" : "metric") : "reference_answer",
    `${own.value === null ? own.reason : `\`${reference.metric}\` does not find the reference answer itself right: ${own.reason}`}. Name another \`metric\` (${names}) with its \`params\`, or mend the answer`,
  );
}

function problem(field: string, message: string): { problem: FieldProblem } {
  return { problem: { field, message } };
}
