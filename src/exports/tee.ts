/** A reader of a shared pass: consumes its own view of the items, at its own speed, and returns what it made of them. */
export type Reader<T, R> = (items: AsyncIterable<T>) => Promise<R>;

/**
 * Feeds one pass over `source` to every reader and returns their results in order. One item is held at a time: the next
 * is fetched when every reader has asked for it. The first error, of the source or of a reader, ends all the others with it.
 */
export async function teeInto<T, R>(
  source: AsyncIterable<T>,
  readers: readonly Reader<T, R>[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<R[]> {
  const iterator = source[Symbol.asyncIterator]();
  const live = new Set(readers.keys());
  let waiting = new Map<number, PromiseWithResolvers<IteratorResult<T, undefined>>>();
  const end: { how: "no" | "done" | "failed"; failure: unknown } = { how: "no", failure: undefined };

  const release = (settle: (waiter: PromiseWithResolvers<IteratorResult<T, undefined>>) => void) => {
    const waiters = waiting;
    waiting = new Map();
    for (const waiter of waiters.values()) settle(waiter);
  };
  const fail = (error: unknown) => {
    if (end.how === "failed") return;
    end.how = "failed";
    end.failure = error;
    release((waiter) => waiter.reject(error));
  };
  const advance = () => {
    if (waiting.size === 0 || waiting.size < live.size || end.how !== "no") return;
    iterator.next().then(
      (result) => {
        if (end.how === "failed") return;
        if (result.done) end.how = "done";
        release((waiter) => waiter.resolve(result.done ? { done: true, value: undefined } : result));
      },
      (error: unknown) => fail(error),
    );
  };
  const leave = (index: number) => {
    if (live.delete(index)) advance();
  };
  const view = (index: number): AsyncIterable<T> => ({
    [Symbol.asyncIterator]: () => ({
      next() {
        if (end.how === "failed") return Promise.reject(end.failure);
        if (end.how === "done" || !live.has(index)) return Promise.resolve({ done: true as const, value: undefined });
        const waiter = withResolvers<IteratorResult<T, undefined>>();
        waiting.set(index, waiter);
        advance();
        return waiter.promise;
      },
      // Leaving waits until the reader itself settles: a reader that breaks must end the pass, not let the others finish it.
      return() {
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  });

  const stop = () => fail(options.signal?.reason);
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const results = await Promise.allSettled(
      readers.map(async (reader, index) => {
        try {
          return await reader(view(index));
        } catch (error) {
          fail(error);
          throw error;
        } finally {
          leave(index);
        }
      }),
    );
    if (end.how === "failed") throw end.failure;
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  } finally {
    options.signal?.removeEventListener("abort", stop);
    await iterator.return?.();
  }
}

// Promise.withResolvers needs Node 22.
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>["resolve"];
  let reject!: PromiseWithResolvers<T>["reject"];
  const promise = new Promise<T>((whenDone, whenFailed) => {
    resolve = whenDone;
    reject = whenFailed;
  });
  return { promise, resolve, reject };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}
