import type { Remember, Store } from "../contracts.ts";
import { RejectionError } from "../domain/errors.ts";
import { storeKeyOf } from "../domain/hash.ts";

/** The reason code of an item that only a real run can take further. */
export const wouldRun = "would_run";

/** What is computed from the data files alone. */
const readsOnlyData: ReadonlySet<string> = new Set(["profile", "joins"]);

/**
 * A `remember` that gives what is stored and computes nothing that costs money or a sandbox: there it throws a RejectionError
 * `would_run`. Profiles it computes, for they only read the data.
 */
export function recallOnly(store: Store, remember: Remember): Remember {
  return async (what, schema, compute, options) => {
    if (!readsOnlyData.has(what.kind) && store.get(storeKeyOf(what)) === undefined) {
      throw new RejectionError(wouldRun, `A run would compute this ${what.kind}`);
    }
    return remember(what, schema, compute, options);
  };
}
