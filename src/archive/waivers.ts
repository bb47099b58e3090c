// Waivers: owed items that a person decided to do without. They lie in the store, so that they hold for every later run.
import { z } from "zod";
import type { Store } from "../contracts.ts";
import { StoreError } from "../domain/errors.ts";
import { type Rejected, reject } from "../engine/stage.ts";

/** What lies under `waiver/<stage>/<item id>`: the decision, who took it and when (ISO), and the failure of `run` that it is about. */
export const waiver = z.strictObject({
  version: z.literal(1),
  at: z.string(),
  by: z.string(),
  because: z.string().min(1),
  run: z.string(),
  code: z.string(),
  message: z.string(),
});
export type Waiver = z.infer<typeof waiver>;

/** The reason code of an item that was waived. */
export const waivedCode = "waived";

const prefix = "waiver/";

export function waiverKey({ stage, id }: { readonly stage: string; readonly id: string }): string {
  return `${prefix}${stage}/${id}`;
}

/** All waivers of a store, by key. @throws {StoreError} naming a damaged one. */
export function readWaivers(store: Store): Map<string, Waiver> {
  const waivers = new Map<string, Waiver>();
  for (const key of store.keys(prefix)) {
    const value = store.get(key);
    if (value === undefined) continue; // taken back at this moment
    const { data, error } = waiver.safeParse(value);
    if (data === undefined) {
      throw new StoreError(
        `Expected a waiver under \`${key}\` of the store, got something else: \`npx tracemill store verify --fix\` removes it, then waive the item again.`,
        { cause: error },
      );
    }
    waivers.set(key, data);
  }
  return waivers;
}

/** What was decided about an item, for the engine: a waived one is rejected and not tried. */
export function decidedBy(waivers: ReadonlyMap<string, Waiver>) {
  return (stage: string, id: string): Rejected | null => {
    if (waivers.size === 0) return null;
    const { because, by, at, run, code, message } = waivers.get(waiverKey({ stage, id })) ?? {};
    if (because === undefined) return null;
    return reject(waivedCode, `Waived by ${by} on ${at?.slice(0, 10)} because ${because}`, {
      ...{ because, by, at, run },
      failure: { code, message },
    });
  };
}
