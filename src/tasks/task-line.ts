// What one line of a file of the user's own questions may say.
import { z } from "zod";
import { difficulties } from "../domain/task.ts";
import { fileMetrics, metrics } from "../metrics/index.ts";

const metricNames = [...metrics, ...fileMetrics].map((metric) => metric.name) as [string, ...string[]];
const words = (about: string) => z.string().describe(about).nullish();
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** One line of JSONL: a question of the user's own. Field names are snake_case; a field that is null counts as left out. */
export const taskLine = z.strictObject({
  id: z.string().min(1).describe("Your own name for the question; shown wherever the question is.").nullish(),
  question: z
    .string()
    .regex(/\S/, "Expected a question, not an empty text")
    .describe("What is asked, in a person's words."),
  context: words("What the agent should know besides: what the data is about, what words mean."),
  constraints: words("How the answer has to be worked out: filters, missing values, rounding."),
  answer_format: words("The form of the answer, e.g. `@mean[value]`, or: a number with two decimals."),
  dataset: z
    .string()
    .min(1)
    .describe("The name of one of the config's `datasets`. Not needed where there is only one.")
    .nullish(),
  files: z
    .array(z.string().min(1))
    .min(1)
    .describe("Instead of `dataset`: the question's own data files, relative to this file.")
    .nullish(),
  reference_answer: z
    .union([scalar, z.array(scalar).min(1), z.record(z.string().min(1), z.union([scalar, z.array(scalar)]))])
    .describe(
      "The right answer: a text, a number, a list, or named values. Left out: nothing tells right from wrong, see `screen.agreement`.",
    )
    .nullish(),
  metric: z
    .enum(metricNames)
    .describe(
      "How an answer is compared with `reference_answer`; inferred from its form where it is left out; `table` for a `reference_file`.",
    )
    .nullish(),
  params: z.record(z.string(), z.json()).describe("Options of the metric, e.g. { relative: 0.01 }.").nullish(),
  submission: z
    .strictObject({
      file: z.string().min(1).describe("Where the agent leaves it: an absolute path below /scratch."),
      maxMb: z.number().gt(0).max(256).default(50).describe("The most it may have, in MB (1,000,000 bytes)."),
    })
    .describe("A file that the agent has to leave besides its answer; taken out when it has ended, and never run.")
    .nullish(),
  reference_file: z
    .string()
    .min(1)
    .describe(
      "Instead of `reference_answer`: a file on this machine, relative to this file, that `submission` is compared with. No agent sees it.",
    )
    .nullish(),
  reference_code: z
    .string()
    .regex(/\S/, "Expected Python, not an empty text")
    .describe("Python that reads /data/ and prints `reference_answer` last; it is run to vet the answer.")
    .nullish(),
  difficulty: z.enum(difficulties).nullish(),
  split: words("Kept with the task; nothing reads it."),
  licence: words("Kept with the task; nothing reads it."),
  metadata: z.record(z.string(), z.json()).describe("Anything else; kept with the task.").nullish(),
});
export type TaskLine = z.output<typeof taskLine>;

/** The JSON Schema of a line, as `schemas/task.schema.json` publishes it. */
export function taskLineSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(taskLine, { io: "input" }) as Record<string, unknown>;
  return {
    $schema,
    title: "Tracemill task",
    description: "One line of a JSONL file of your own questions (`tasks:` in a config, `tracemill check-tasks`).",
    ...schema,
  };
}
