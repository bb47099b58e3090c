import type { Usage } from "../domain/trajectory.ts";

/**
 * What one alias did in this run. `sent` counts HTTP requests that left this process, `failed` those of them without a usable answer,
 * `remembered` completions that came from the store. Tokens and `costUsd` are those of answers received in this run; `costUsd` is
 * null once an answer had no known price. What remembering saved stands apart. (What a killed run lost, only the store knows.)
 */
export interface Tally {
  readonly sent: number;
  readonly remembered: number;
  readonly failed: number;
  readonly underWay: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number | null;
  readonly rememberedInputTokens: number;
  readonly rememberedOutputTokens: number;
}

/** Counts requests, tokens and cost by alias, for the progress display and the summary. */
export interface Meter {
  /** A request leaves. Call exactly one of the returned functions when it ends. */
  send(alias: string): { received(usage: Usage): void; failed(): void };
  remembered(alias: string, usage: Usage): void;
  /** The sum over these aliases, over all without any. Cost stays null where one of them has no known price. */
  total(aliases?: readonly string[]): Tally;
  aliases(): Readonly<Record<string, Tally>>;
}

const nothing: Tally = {
  sent: 0,
  remembered: 0,
  failed: 0,
  underWay: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  rememberedInputTokens: 0,
  rememberedOutputTokens: 0,
};

/** A meter at zero. */
export function createMeter(): Meter {
  const tallies = new Map<string, { -readonly [Field in keyof Tally]: Tally[Field] }>();

  function of(alias: string) {
    const known = tallies.get(alias);
    if (known !== undefined) return known;
    const tally = { ...nothing };
    tallies.set(alias, tally);
    return tally;
  }

  return {
    send(alias) {
      const tally = of(alias);
      tally.sent += 1;
      tally.underWay += 1;
      return {
        received(usage) {
          tally.underWay -= 1;
          tally.inputTokens += usage.inputTokens;
          tally.outputTokens += usage.outputTokens;
          tally.costUsd = sumCost(tally.costUsd, usage.costUsd);
        },
        failed() {
          tally.underWay -= 1;
          tally.failed += 1;
        },
      };
    },
    remembered(alias, usage) {
      const tally = of(alias);
      tally.remembered += 1;
      tally.rememberedInputTokens += usage.inputTokens;
      tally.rememberedOutputTokens += usage.outputTokens;
    },
    total(aliases = [...tallies.keys()]) {
      return aliases.map((alias) => tallies.get(alias) ?? nothing).reduce(add, nothing);
    },
    aliases() {
      return Object.fromEntries([...tallies].map(([alias, tally]) => [alias, { ...tally }]));
    },
  };
}

function add(left: Tally, right: Tally): Tally {
  return {
    sent: left.sent + right.sent,
    remembered: left.remembered + right.remembered,
    failed: left.failed + right.failed,
    underWay: left.underWay + right.underWay,
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    costUsd: sumCost(left.costUsd, right.costUsd),
    rememberedInputTokens: left.rememberedInputTokens + right.rememberedInputTokens,
    rememberedOutputTokens: left.rememberedOutputTokens + right.rememberedOutputTokens,
  };
}

function sumCost(left: number | null, right: number | null): number | null {
  return left === null || right === null ? null : left + right;
}
