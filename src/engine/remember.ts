import { type ZodType, z } from "zod";
import type { Identity, Recall, Remember, Remembered, Spend, Store } from "../contracts.ts";
import { storeKeyOf } from "../domain/hash.ts";
import { type Holder, isAlive, thisHolder } from "./holder.ts";

/** What lies in the store under `<kind>/<hash of the identity>`; `at` is ISO time. */
const record = z.strictObject({ version: z.number().int(), at: z.string(), value: z.unknown() });

/** A `remember` that also counts what it met of paid computations that began elsewhere and were never received. */
export type CountingRemember = Remember & { readonly lost: () => number };

/** A `remember` over a store: one computation per identity at a time, in this process and in all others on the same store. */
export function createRemember(store: Store, { now = Date.now }: { now?: () => number } = {}): CountingRemember {
  const underWay = new Map<string, UnderWay>();
  let lost = 0;

  const remember: Remember = async (what, schema, compute, options) => {
    const key = storeKeyOf(what);
    for (;;) {
      options.signal.throwIfAborted();
      const known = readRecord(store, key, what, schema);
      if (known) return known;
      const other = underWay.get(key);
      if (other?.stop.signal.aborted) {
        const ended = other.result.catch(() => undefined); // Nobody wanted it any more: that is soon.
        await abortable(ended, options.signal);
        continue;
      }
      const shared = other ?? begin(key, options.signal, (stop) => computeOnce(key, what, schema, compute, stop));
      try {
        const { value, remembered } = await join(shared, options.signal);
        const first = !shared.taken;
        shared.taken = true;
        return { value: schema.parse(value), key, remembered: remembered || !first };
      } catch (error) {
        // Whoever began it was told to stop; this caller was not, so it takes over.
        if (options.signal.aborted || options.signal === shared.beganBy || !shared.beganBy.aborted) throw error;
      }
    }
  };

  function begin(
    key: string,
    beganBy: AbortSignal,
    compute: (signals: { signal: AbortSignal; beganBy: AbortSignal }) => Promise<Remembered<unknown>>,
  ): UnderWay {
    const stop = new AbortController();
    const result = compute({ signal: stop.signal, beganBy }).finally(() => underWay.delete(key));
    result.catch(() => undefined); // It is told to those who still wait.
    const shared: UnderWay = { result, stop, beganBy, waiting: 0, taken: false };
    underWay.set(key, shared);
    return shared;
  }

  /** The value as the store has it: each caller reads its own copy by the schema. */
  async function computeOnce<T>(
    key: string,
    what: Identity,
    schema: ZodType<T>,
    compute: (spend: Spend, signal: AbortSignal) => Promise<T>,
    { signal, beganBy }: { readonly signal: AbortSignal; readonly beganBy: AbortSignal },
  ): Promise<Remembered<unknown>> {
    const lease = await store.lease(key, signal);
    let intentEnds: Promise<void> | undefined;
    try {
      const known = readRecord(store, key, what, schema);
      if (known) return known;
      signal.throwIfAborted();
      beganBy.throwIfAborted(); // Nothing is lost yet: whoever else waits begins it anew, under a signal that lives.
      const intent = intentOf(key, signal);
      const kept = await received(intent, schema, (spend) => compute(spend, signal));
      await store.put(key, { version: what.version, at: new Date(now()).toISOString(), value: kept });
      if (intent.written()) intentEnds = store.delete(intentKey(key));
      return { value: kept, key, remembered: false };
    } finally {
      // In one turn, so that both share a commit.
      await Promise.all([intentEnds, lease[Symbol.asyncDispose]()]);
    }
  }

  /** The money side of one computation: `spend` for it to use, `drop` for when it failed after all was received. */
  function intentOf(key: string, signal: AbortSignal) {
    let written = false;
    const drop = async () => {
      if (!written) return;
      written = false;
      await store.delete(intentKey(key));
    };
    const spend: Spend = async (send) => {
      // The lease is ours alone, so an intent that lies here and is not ours belongs to a request that never came back.
      if (!written && store.get(intentKey(key)) !== undefined) lost += 1;
      written = true;
      await store.put(intentKey(key), thisHolder());
      try {
        return await send();
      } catch (error) {
        // An error that was received is not lost; a request that was cut off may have been paid, so its intent stays.
        if (signal.aborted) written = false;
        else await drop();
        throw error;
      }
    };
    return { spend, drop, written: () => written };
  }

  /** What `compute` gave, as the next run will read it back. */
  async function received<T>(
    intent: ReturnType<typeof intentOf>,
    schema: ZodType<T>,
    compute: (spend: Spend) => Promise<T>,
  ): Promise<unknown> {
    try {
      return JSON.parse(JSON.stringify(schema.parse(await compute(intent.spend))));
    } catch (error) {
      await intent.drop();
      throw error;
    }
  }

  return Object.assign(remember, { lost: () => lost });
}

/** A `recall` over a store: what another process committed is seen as well. */
export function createRecall(store: Store): Recall {
  return (what, schema) => readRecord(store, storeKeyOf(what), what, schema);
}

/** Counts the paid computations that dead processes began and never received, and forgets them. A live process keeps its own. */
export async function lostIntents(store: Store): Promise<number> {
  let lost = 0;
  for (const key of store.keys("intent/")) {
    const holder = store.get(key) as Holder | undefined;
    if (holder === undefined || isAlive(holder)) continue;
    // Killed between the commit of the value and the end of its intent: nothing was lost.
    if (store.get(key.slice("intent/".length)) === undefined) lost += 1;
    await store.delete(key);
  }
  return lost;
}

/** A computation that one caller began and any number wait for. */
interface UnderWay {
  readonly result: Promise<Remembered<unknown>>;
  /** Fires when nobody waits for it any more. */
  readonly stop: AbortController;
  /** The signal of whoever began it: a computation may listen to that as well. */
  readonly beganBy: AbortSignal;
  waiting: number;
  /** Whether somebody was given the value as computed just now; for everybody else it is remembered. */
  taken: boolean;
}

/** Waits for it. Whoever leaves last stops it and sees it end, so that nothing goes on behind a store that is closed. */
async function join(shared: UnderWay, signal: AbortSignal): Promise<Remembered<unknown>> {
  shared.waiting += 1;
  let left = false;
  try {
    return await abortable(shared.result, signal);
  } catch (error) {
    left = signal.aborted;
    throw error;
  } finally {
    shared.waiting -= 1;
    if (left && shared.waiting === 0) {
      shared.stop.abort(signal.reason);
      await shared.result.catch(() => undefined);
    }
  }
}

function intentKey(key: string): string {
  return `intent/${key}`;
}

function readRecord<T>(store: Store, key: string, what: Identity, schema: ZodType<T>): Remembered<T> | null {
  const stored = store.get(key);
  if (stored === undefined) return null;
  const { value } = record.parse(stored);
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data, key, remembered: true };
  throw new Error(
    `Expected the remembered ${what.kind} \`${key}\` to fit its schema; where its shape changed, bump the identity's version. ${z.prettifyError(parsed.error)}`,
    { cause: parsed.error },
  );
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
