import type { SpendLine } from "../domain/run.ts";
import type { Usage } from "../domain/trajectory.ts";
import { sumUsd } from "../domain/usd.ts";

/**
 * What one alias did in this run. `sent` counts HTTP requests that left this process, `failed` those of them without a usable answer,
 * `remembered` completions that came from the store. Tokens and `costUsd` are those of answers received in this run, `estimated` of which
 * came without usage. What remembered answers cost when they were paid stands apart, each counted once. Costs are null once an answer had
 * no known price. (What a killed run lost, only the store knows.)
 */
export interface Tally {
  readonly sent: number;
  readonly remembered: number;
  readonly failed: number;
  readonly underWay: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly estimated: number;
  readonly costUsd: number | null;
  readonly rememberedInputTokens: number;
  readonly rememberedOutputTokens: number;
  readonly rememberedUsd: number | null;
}

/** Counts requests, tokens and cost by alias and by stage (null: outside of any), for the progress display and the summary. */
export interface Meter {
  /** A request leaves. Call exactly one of the returned functions when it ends. */
  send(alias: string, stage: string | null): { received(usage: Usage): void; failed(): void };
  /** The completion under `key` was received in this run: asked for again, it is no money of an earlier one. */
  keeps(key: string): void;
  /** A completion came from the store, where it lies under `key`. */
  remembered(alias: string, stage: string | null, key: string, usage: Usage): void;
  /** The sum over these aliases, over all without any. Cost stays null where one of them has no known price. */
  total(aliases?: readonly string[]): Tally;
  aliases(): Readonly<Record<string, Tally>>;
  /** By stage and alias, in the order in which they were first asked. */
  spend(): SpendLine[];
}

type Mutable = { -readonly [Field in keyof Tally]: Tally[Field] };

const nothing: Tally = {
  sent: 0,
  remembered: 0,
  failed: 0,
  underWay: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  estimated: 0,
  costUsd: 0,
  rememberedInputTokens: 0,
  rememberedOutputTokens: 0,
  rememberedUsd: 0,
};

/** A meter at zero. */
export function createMeter(): Meter {
  const lines = new Map<string, { readonly stage: string | null; readonly alias: string; readonly tally: Mutable }>();
  const counted = new Set<number>();

  function of(alias: string, stage: string | null): Mutable {
    const key = JSON.stringify([stage, alias]);
    const known = lines.get(key);
    if (known !== undefined) return known.tally;
    const tally = { ...nothing };
    lines.set(key, { stage, alias, tally });
    return tally;
  }

  function sum(isMeant: (alias: string) => boolean): Tally {
    return [...lines.values()]
      .filter(({ alias }) => isMeant(alias))
      .map(({ tally }) => tally)
      .reduce(add, nothing);
  }

  return {
    send(alias, stage) {
      const tally = of(alias, stage);
      tally.sent += 1;
      tally.underWay += 1;
      return {
        received(usage) {
          tally.underWay -= 1;
          tally.inputTokens += usage.inputTokens;
          tally.cachedInputTokens += usage.cachedInputTokens;
          tally.outputTokens += usage.outputTokens;
          tally.reasoningTokens += usage.reasoningTokens;
          if (usage.estimated) tally.estimated += 1;
          tally.costUsd = sumUsd([tally.costUsd, usage.costUsd]);
        },
        failed() {
          tally.underWay -= 1;
          tally.failed += 1;
        },
      };
    },
    keeps(key) {
      counted.add(digest(key));
    },
    remembered(alias, stage, key, usage) {
      const tally = of(alias, stage);
      tally.remembered += 1;
      const number = digest(key);
      if (counted.has(number)) return;
      counted.add(number);
      tally.rememberedInputTokens += usage.inputTokens;
      tally.rememberedOutputTokens += usage.outputTokens;
      tally.rememberedUsd = sumUsd([tally.rememberedUsd, usage.costUsd]);
    },
    total: (aliases) => sum((alias) => aliases === undefined || aliases.includes(alias)),
    aliases() {
      const names = [...new Set([...lines.values()].map(({ alias }) => alias))];
      return Object.fromEntries(names.map((name) => [name, sum((alias) => alias === name)]));
    },
    spend: () =>
      [...lines.values()].map(({ stage, alias, tally }) => {
        const { underWay, rememberedInputTokens, rememberedOutputTokens, ...counts } = tally;
        return { stage, model: alias, ...counts };
      }),
  };
}

/** 52 bits of a store key's hash: among a million completions any two are taken for one with a chance of one in nine thousand. */
function digest(key: string): number {
  return Number.parseInt(key.slice(-13), 16);
}

function add(left: Tally, right: Tally): Tally {
  const sum: Mutable = { ...left };
  for (const field of Object.keys(nothing) as (keyof Tally)[]) {
    if (field === "costUsd" || field === "rememberedUsd") sum[field] = sumUsd([left[field], right[field]]);
    else sum[field] = left[field] + right[field];
  }
  return sum;
}
