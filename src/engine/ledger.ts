// What runs were charged, kept in the store: each run writes a record of its own, so what a dead one had charged simply stays.
import { randomUUID } from "node:crypto";
import { type ZodType, z } from "zod";
import type { Store } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { isAlive, thisHolder } from "./holder.ts";

/** One run's part of a ledger, under `ledger/<name>/<a random id>`; `ended` once the run has closed it. */
const part = z.strictObject({
  version: z.literal(1),
  holder: z.strictObject({ boot: z.string(), pid: z.number().int(), started: z.string() }),
  since: z.string(),
  ended: z.boolean(),
  value: z.unknown(),
});

/** A ledger that this process alone writes to now. */
export interface Ledger<T> extends AsyncDisposable {
  /** What earlier runs kept last, in no order. */
  readonly before: readonly T[];
  /** Keeps this run's value in the place of the one before. What is kept in one turn shares a commit with the turn's other writes. @throws {StoreError} */
  keep(value: T): Promise<void>;
}

/**
 * Opens the ledger `name` for this run, which begins with `first`. @throws {UsageError} naming the process where another run that lives has it
 * open: two could each spend what is left once.
 */
export async function openLedger<T>(
  store: Store,
  options: {
    readonly name: string;
    readonly schema: ZodType<T>;
    readonly first: T;
    readonly signal: AbortSignal;
    readonly now?: () => number;
  },
): Promise<Ledger<T>> {
  const { name, schema, now = Date.now } = options;
  const prefix = `ledger/${name}/`;
  const own = `${prefix}${randomUUID()}`;
  const frame = { version: 1 as const, holder: thisHolder(), since: new Date(now()).toISOString() };
  const put = (value: T, ended: boolean) => store.put(own, { ...frame, ended, value });
  const before: T[] = [];
  {
    // Two that open it at once: one sees the other.
    await using _ = await store.lease(`open-${prefix}`, options.signal);
    for (const key of store.keys(prefix)) {
      const { holder, since, ended, value } = part.parse(store.get(key));
      if (!ended && isAlive(holder)) {
        throw new UsageError(
          `Expected no other run to spend from this budget, got process ${holder.pid}, which runs the same config since ${since}. ` +
            "Wait for its end, or stop it (Ctrl-C there); a config that differs in more than its budget has a budget of its own.",
        );
      }
      before.push(schema.parse(value));
    }
    await put(options.first, false);
  }
  let last = options.first;
  return {
    before,
    keep(value) {
      last = value;
      return put(value, false);
    },
    // Not awaited by whoever was stopped by a full disk: then the process ends, and its part counts as a dead one's.
    [Symbol.asyncDispose]: () => put(last, true),
  };
}
