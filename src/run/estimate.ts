// What a run would still do, from what is remembered, what earlier runs showed and what the recipe expects. Arithmetic only.
import type { Price } from "../contracts.ts";
import type { FunnelRow } from "../domain/run.ts";
import type { Expectation } from "../recipe.ts";
import type { Experience, Measured } from "./earlier-runs.ts";
import { wouldRun } from "./recall.ts";

export interface StagePlan {
  readonly stage: string;
  /** Items expected to enter and to leave, rounded. */
  readonly in: number;
  readonly out: number;
  /** Items whose way through the stage is remembered. */
  readonly known: number;
  /** Items that it would have to work on. */
  readonly toDo: number;
  readonly model: string | null;
  readonly requests: number;
}

export interface ModelPlan {
  readonly alias: string;
  /** Answers that are remembered and will not be paid for. */
  readonly remembered: number;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null without a price. */
  readonly costUsd: number | null;
}

export interface Plan {
  readonly stages: readonly StagePlan[];
  readonly models: readonly ModelPlan[];
  readonly assumptions: readonly string[];
}

export interface EstimateOptions {
  /** The account of a line that was run over what is remembered alone. */
  readonly rows: readonly FunnelRow[];
  readonly expects: Readonly<Record<string, Expectation>>;
  readonly experience: Experience;
  /** By alias: what was remembered in that run. */
  readonly recalled: Readonly<Record<string, Omit<Measured, "items">>>;
  readonly prices: ReadonlyMap<string, Price | null>;
}

/** From so many items on, a share that was seen replaces one that was guessed. Requests and tokens that were seen always do. */
const enough = 5;

/** Estimates sizes, requests, tokens and cost, and says what each estimate rests on. */
export function estimate(options: EstimateOptions): Plan {
  const assumptions: string[] = [];
  const stages: StagePlan[] = [];
  const models = new Map<string, ModelPlan>();
  let coming = 0;
  for (const row of options.rows) {
    const expectation = options.expects[row.stage];
    const blocked = (row.reasons[wouldRun] ?? 0) + row.failed;
    const known = row.in - blocked;
    const toDo = coming + blocked;
    const { out: ratio, because } = outOf(row, known, expectation, options.experience);
    if (toDo > 0 && because !== null) assumptions.push(`${row.stage}: ${because}`);
    const out = Math.min(expectation?.most ?? Number.POSITIVE_INFINITY, row.out + toDo * ratio);
    const entering = row.in + coming;
    let requests = 0;
    const asks = expectation?.asks;
    if (asks !== undefined) {
      const each = perItem(asks, known, options);
      requests = toDo * each.requests;
      if (toDo > 0) assumptions.push(`${row.stage}: ${each.because}`);
      addTo(models, asks.model, { ...each, times: toDo }, options);
    }
    const whole = (value: number) => Math.round(value);
    stages.push({
      ...{ stage: row.stage, in: whole(entering), out: whole(out), known, toDo: whole(toDo) },
      ...{ model: asks?.model ?? null, requests: whole(requests) },
    });
    coming = Math.max(0, out - row.out);
  }
  return { stages, models: [...models.values()], assumptions };
}

function outOf(row: FunnelRow, known: number, expectation: Expectation | undefined, experience: Experience) {
  if (expectation === undefined)
    return { out: 1, because: "the recipe expects nothing of this stage; each item is taken to pass" };
  if (expectation.assumed !== true) return { out: expectation.out, because: null };
  const percent = (share: number) => `${Math.round(100 * share)} % pass`;
  if (known >= enough) return { out: row.out / known, because: `${percent(row.out / known)}, as of those remembered` };
  const before = experience.stages.get(row.stage);
  if (before !== undefined && before.ended >= enough) {
    const share = before.out / before.ended;
    return { out: share, because: `${percent(share)}, as in earlier runs here (${before.ended} items)` };
  }
  return { out: expectation.out, because: `${percent(expectation.out)}, a guess` };
}

interface PerItem {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly because: string;
}

function perItem(asks: NonNullable<Expectation["asks"]>, known: number, options: EstimateOptions): PerItem {
  const recalled = options.recalled[asks.model];
  if (recalled !== undefined && known > 0) return mean({ ...recalled, items: known }, "as what is remembered");
  const before = options.experience.rollouts.get(asks.model);
  if (before !== undefined && before.items > 0) {
    return mean(before, `as in the newest finished run here (${before.items} rollouts)`);
  }
  const { requests, tokens } = asks;
  const [inputTokens, outputTokens] = [requests * tokens.input, requests * tokens.output];
  return {
    ...{ requests, inputTokens, outputTokens },
    because: `${asks.because}; ${tokens.input} tokens in and ${tokens.output} out a request: guesses`,
  };
}

function mean({ items, requests, inputTokens, outputTokens }: Measured, because: string): PerItem {
  const each = (value: number) => value / items;
  const tokens = (value: number) => Math.round(value / Math.max(1, requests));
  return {
    ...{ requests: each(requests), inputTokens: each(inputTokens), outputTokens: each(outputTokens) },
    because: `${each(requests).toFixed(1)} requests an item with ${tokens(inputTokens)} tokens in and ${tokens(outputTokens)} out, ${because}`,
  };
}

function addTo(
  models: Map<string, ModelPlan>,
  alias: string,
  { times, ...each }: PerItem & { readonly times: number },
  options: EstimateOptions,
): void {
  const before = models.get(alias);
  const price = options.prices.get(alias) ?? null;
  const sum = (field: "requests" | "inputTokens" | "outputTokens") =>
    Math.round((before?.[field] ?? 0) + times * each[field]);
  const [inputTokens, outputTokens] = [sum("inputTokens"), sum("outputTokens")];
  models.set(alias, {
    ...{ alias, requests: sum("requests"), inputTokens, outputTokens },
    remembered: options.recalled[alias]?.requests ?? 0,
    costUsd:
      price === null ? null : (inputTokens * price.inputPerMillion + outputTokens * price.outputPerMillion) / 1e6,
  });
}
