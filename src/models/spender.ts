import { AsyncLocalStorage } from "node:async_hooks";

/** Whose work a request belongs to: an item in a stage. What one spends, and how fair it is shared out, is told by stage. */
export interface Spender {
  readonly stage: string;
  readonly item: string;
}

const spenders = new AsyncLocalStorage<Spender>();

/** Runs `work`; whatever it asks of a model, however deep below, is asked by `spender`. */
export function spendingAs<T>(spender: Spender, work: () => T): T {
  return spenders.run(spender, work);
}

/** Who asks here; null outside of any item. */
export function currentSpender(): Spender | null {
  return spenders.getStore() ?? null;
}
