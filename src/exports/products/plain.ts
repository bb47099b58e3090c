// The products as plain JSON lines, with every id and reason: for trainers of one's own, and for looking at.
import type { z } from "zod";
import type { Exporter } from "../../contracts.ts";
import {
  type LabelledSteps,
  type LabelledTry,
  labelledSteps,
  labelledTry,
  type PreferencePair,
  preferencePair,
  type RlTask,
  rlTask,
} from "../../domain/products.ts";
import type { JsonObject, LineProblem } from "../chat-line.ts";
import { jsonlFormat } from "../jsonl-format.ts";

/** PR-R1: a line is an item of its product as docs/products.md has it. */
function shapeRules(schema: z.ZodType) {
  return () => ({
    lines: "PR-R1",
    rows: { rule: "PR-R1", fewest: 1 },
    line: (line: JsonObject): LineProblem[] => {
      const read = schema.safeParse(line);
      if (read.success) return [];
      return read.error.issues.map(({ path, message }) => ({ rule: "PR-R1", field: path.join("."), message }));
    },
  });
}

export function pairExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "preference",
    about: "Preference pairs as plain JSON lines, with ids and the reason of the rejection",
    product: "preference",
    fileName: "preference.jsonl",
    rows: (pair) => [{ ...pair }],
    rules: shapeRules(preferencePair),
  });
}

export function ktoExporter(): Exporter<LabelledTry> {
  return jsonlFormat<LabelledTry>({
    name: "kto",
    about: "Tries with a label as plain JSON lines, with ids and the reason of a rejection",
    product: "kto",
    fileName: "kto.jsonl",
    rows: (labelled) => [{ ...labelled }],
    rules: shapeRules(labelledTry),
  });
}

export function taskExporter(): Exporter<RlTask> {
  return jsonlFormat<RlTask>({
    name: "rl-tasks",
    about: "Tasks with reference, metric and data files as plain JSON lines",
    product: "rl",
    fileName: "rl-tasks.jsonl",
    rows: (task) => [{ ...task }],
    rules: shapeRules(rlTask),
  });
}

export function stepExporter(): Exporter<LabelledSteps> {
  return jsonlFormat<LabelledSteps>({
    name: "step-labels",
    about: "Tries with a label for each step as plain JSON lines, for process reward models",
    product: "steps",
    fileName: "step-labels.jsonl",
    rows: (labelled) => [{ ...labelled }],
    rules: shapeRules(labelledSteps),
  });
}
