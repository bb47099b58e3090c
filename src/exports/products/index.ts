import type { EndedCandidate, ProductItems, ProductName } from "../../domain/products.ts";
import { labelledSteps, labelledTry } from "./labels.ts";
import { preferencePairs } from "./pairs.ts";
import { rlTask } from "./tasks.ts";

/** The products that are made of a task's tries. */
export type TriedProduct = Exclude<ProductName, "sft">;

type Make<P extends TriedProduct> = (
  tries: readonly EndedCandidate[],
  options: { readonly pairsPerTask: number },
) => readonly ProductItems[P][];

const makers: { readonly [P in TriedProduct]: Make<P> } = {
  preference: (tries, { pairsPerTask }) => preferencePairs(tries, { most: pairsPerTask }),
  kto: (tries) => tries.map(labelledTry).filter((one) => one !== null),
  rl: (tries) => [rlTask(tries)].filter((one) => one !== null),
  steps: (tries) => tries.map(labelledSteps).filter((one) => one !== null),
  trajectories: (tries) => tries,
};

/** A product's items of one task, from its ended tries. */
export function productItems<P extends TriedProduct>(
  product: P,
  tries: readonly EndedCandidate[],
  options: { readonly pairsPerTask: number },
): readonly ProductItems[P][] {
  return makers[product](tries, options);
}
