import { count, dollars, indent, modelAt, plural, table } from "../audit/text.ts";
import type { Price } from "../contracts.ts";
import { amountText, partText } from "../models/budget-words.ts";
import type { Survey } from "../tasks/survey.ts";
import type { Outlook } from "./budget-outlook.ts";
import type { Plan } from "./estimate.ts";

/** Everything `run --dry-run` tells; this is also its `--json`. */
export interface DryRun {
  readonly recipe: string;
  readonly config: string;
  readonly limit: number | null;
  readonly target: number;
  readonly datasets: readonly {
    readonly name: string;
    readonly id: string;
    readonly files: number;
    readonly bytes: number;
    readonly rows: number;
    readonly columns: number;
    readonly kinds: Readonly<Record<string, number>>;
  }[];
  readonly tasks: Survey | null;
  readonly models: readonly {
    readonly alias: string;
    readonly model: string;
    readonly endpoint: string;
    readonly price: Price | null;
  }[];
  readonly sandbox: {
    readonly backend: string;
    readonly environment: string;
    readonly limits: Readonly<Record<string, number>>;
    readonly concurrency: number;
  };
  readonly plan: Plan;
  /** The run's own limits of the config's budget. */
  readonly budget: readonly Outlook[];
  /** Files that a run would write, relative to the working directory. */
  readonly writes: readonly string[];
}

const datasetsShown = 20;

/** A dry run as text for a terminal. */
export function dryRunPage(found: DryRun): string {
  const { plan, tasks } = found;
  const limited =
    found.limit === null
      ? ""
      : `, limited to ${found.limit === 1 ? "1 seed or question" : `${count(found.limit)} seeds or questions`}`;
  const parts = [
    `Dry run of ${found.config} (recipe ${found.recipe}${limited}): nothing was sent and no run folder was made.`,
    `Data\n${indent(datasetTable(found), "  ")}`,
    ...(tasks === null ? [] : [`Tasks\n${indent(taskLines(tasks), "  ")}`]),
    `Models\n${indent(table(found.models.map(({ alias, model, endpoint, price }) => [alias, modelAt(model, endpoint), priceText(price)])), "  ")}`,
    `Sandbox\n  ${found.sandbox.backend}, environment ${found.sandbox.environment}; ${found.sandbox.concurrency} at a time, ${count(found.sandbox.limits.memoryMb ?? 0)} MB each`,
    `Line (sizes are estimates; known: remembered, costs nothing)\n${indent(stageTable(plan), "  ")}`,
    `Still to be paid\n${indent(costTable(plan), "  ")}`,
    ...(found.budget.length === 0 ? [] : [`Budget\n${indent(budgetLines(found.budget), "  ")}`]),
    `Assumptions\n${plan.assumptions.length === 0 ? "  none: everything is remembered" : plan.assumptions.map((text) => `  - ${text}`).join("\n")}`,
    `Would be written\n${found.writes.map((path) => `  ${path}`).join("\n")}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function datasetTable({ datasets }: DryRun): string {
  const rows = datasets.slice(0, datasetsShown).map(({ name, files, rows: lines, columns, bytes, kinds }) => [
    ...[name, count(files), count(lines), count(columns), count(bytes)],
    Object.entries(kinds)
      .map(([kind, columnsOfKind]) => `${columnsOfKind} ${kind}`)
      .join(", "),
  ]);
  const more = datasets.length - rows.length;
  const shown = table([["dataset", "files", "rows", "columns", "bytes", "kinds of column"], ...rows], [1, 2, 3, 4]);
  return more > 0 ? `${shown}\n… and ${plural(more, "other dataset")}` : shown;
}

function taskLines({ questions, repeats, withoutReference, withCode, metrics }: Survey): string {
  const checked = Object.entries(metrics).map(([metric, items]) => `${items} by ${metric}`);
  return [
    `${plural(questions, "question")}${repeats > 0 ? `, ${repeats} of them repetitions` : ""}; ${withCode} with reference code`,
    `answers checked: ${[...checked, ...(withoutReference > 0 ? [`${withoutReference} not at all (no reference answer)`] : [])].join(", ")}`,
  ].join("\n");
}

function stageTable({ stages }: Plan): string {
  const rows = stages.map((stage) => [
    ...[stage.stage, count(stage.in), count(stage.known), count(stage.toDo), count(stage.out)],
    stage.model === null ? "" : `${count(stage.requests)} to ${stage.model}`,
  ]);
  return table([["stage", "in", "known", "to do", "out", "requests"], ...rows], [1, 2, 3, 4]);
}

function costTable({ models }: Plan): string {
  if (models.length === 0) return "unknown: the recipe does not say which stage asks a model";
  const sum = (field: "remembered" | "requests" | "inputTokens" | "outputTokens") =>
    models.reduce((total, model) => total + model[field], 0);
  const unknown = models.some(({ costUsd, requests }) => costUsd === null && requests > 0);
  const total = models.reduce((cost, { costUsd }) => cost + (costUsd ?? 0), 0);
  const totalText = `${unknown ? "at least " : ""}${dollars(total)}`;
  const rows = models.map(({ alias, remembered, requests, inputTokens, outputTokens, costUsd }) => [
    ...[alias, count(requests), count(remembered), count(inputTokens), count(outputTokens)],
    costUsd === null ? "price unknown" : dollars(costUsd),
  ]);
  const last = [
    "all",
    ...(["requests", "remembered", "inputTokens", "outputTokens"] as const).map((field) => count(sum(field))),
    totalText,
  ];
  return table([["model", "requests", "remembered", "tokens in", "tokens out", "cost"], ...rows, last], [1, 2, 3, 4]);
}

function budgetLines(budget: readonly Outlook[]): string {
  return budget
    .map(({ unit, spent, limit, expected }) => {
      const known = `${partText(unit, spent, limit)} spent`;
      if (expected === null) return known;
      const more = `${amountText(unit, expected)} expected`;
      const verdict = spent + expected > limit ? ": not enough, the run would stop on the way (exit code 4)" : "";
      return `${known}, ${more}${verdict}`;
    })
    .join("\n");
}

function priceText(price: Price | null): string {
  if (price === null) return "price unknown";
  return `$${price.inputPerMillion} in, $${price.outputPerMillion} out a million tokens (as of ${price.asOf})`;
}
