// What a pilot learns of each item: what it asked of models, how long stages and endpoints took for it. A run without a pilot keeps none.

import type { RequestWatch } from "../contracts.ts";
import type { Usage } from "../domain/trajectory.ts";
import { sumUsd } from "../domain/usd.ts";
import type { Executor } from "../engine/executor.ts";
import type { Meter } from "../models/meter.ts";
import { currentSpender } from "../models/spender.ts";
import type { OpenSession } from "../stages/solving.ts";

/** What one item used in one stage. `seconds` is the time the stage held it; `requests` counts answers, remembered ones too. */
export interface ItemUse {
  readonly stage: string;
  readonly item: string;
  seconds: number;
  requests: number;
  remembered: number;
  inputTokens: number;
  outputTokens: number;
  /** Null once an answer had no known price. */
  costUsd: number | null;
  /** Answers received now, and the seconds that endpoints took for them, by alias. */
  readonly answers: Map<string, number>;
  readonly answerSeconds: Map<string, number>;
}

/** Wraps what a run is made of, and writes down what passes. */
export interface Journal {
  meter(inner: Meter): Meter;
  executor(inner: Executor): Executor;
  requests(inner: RequestWatch): RequestWatch;
  sessions(inner: OpenSession): OpenSession;
  uses(): readonly ItemUse[];
  /** The stages that opened a sandbox session. */
  sandboxed(): ReadonlySet<string>;
}

/** An empty journal. `now` in milliseconds. */
export function createJournal(now: () => number = Date.now): Journal {
  const uses = new Map<string, ItemUse>();
  const sandboxed = new Set<string>();

  function of(stage: string, item: string): ItemUse {
    const key = `${stage}\n${item}`;
    const known = uses.get(key);
    if (known !== undefined) return known;
    const use: ItemUse = {
      ...{ stage, item, seconds: 0, requests: 0, remembered: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 },
      answers: new Map(),
      answerSeconds: new Map(),
    };
    uses.set(key, use);
    return use;
  }

  /** The item that asks here; what is asked outside of any item is nobody's. */
  function asking(): ItemUse | null {
    const spender = currentSpender();
    return spender === null ? null : of(spender.stage, spender.item);
  }

  function answered(use: ItemUse | null, usage: Usage): void {
    if (use === null) return;
    use.requests += 1;
    use.inputTokens += usage.inputTokens;
    use.outputTokens += usage.outputTokens;
    use.costUsd = sumUsd([use.costUsd, usage.costUsd]);
  }

  return {
    meter: (inner) => ({
      ...inner,
      send(alias, stage) {
        const use = asking();
        const sent = inner.send(alias, stage);
        return {
          ...sent,
          received(usage) {
            sent.received(usage);
            answered(use, usage);
          },
        };
      },
      remembered(alias, stage, key, usage) {
        const use = asking();
        inner.remembered(alias, stage, key, usage);
        answered(use, usage);
        if (use !== null) use.remembered += 1;
      },
    }),
    executor: (inner) => ({
      name: inner.name,
      async run(stage, body, context) {
        const beganMs = now();
        try {
          return await inner.run(stage, body, context);
        } finally {
          of(stage.name, body.id).seconds += (now() - beganMs) / 1000;
        }
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }),
    requests: (inner) => ({
      ...inner,
      receives(request, answer, latencyMs) {
        inner.receives(request, answer, latencyMs);
        const use = asking();
        if (use === null) return;
        add(use.answers, request.alias, 1);
        add(use.answerSeconds, request.alias, latencyMs / 1000);
      },
    }),
    sessions: (inner) => (request) => {
      const stage = currentSpender()?.stage;
      if (stage !== undefined) sandboxed.add(stage);
      return inner(request);
    },
    uses: () => [...uses.values()],
    sandboxed: () => sandboxed,
  };
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** What a run is opened with, with the journal looking on. */
export function journalled<W extends { readonly requests: RequestWatch; openSession(inner: OpenSession): OpenSession }>(
  watch: W,
  journal: Journal,
): W {
  return {
    ...watch,
    requests: journal.requests(watch.requests),
    openSession: (inner: OpenSession) => journal.sessions(watch.openSession(inner)),
  };
}
