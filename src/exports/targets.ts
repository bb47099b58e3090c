import type { Target } from "../contracts.ts";
import { tokenisedTarget } from "./columnar/tokenised.ts";
import { batchTarget } from "./hosted/batch.ts";
import { exporters } from "./index.ts";

/** Targets whose files are checked and not written here. */
const checkedOnly: readonly Target[] = [
  batchTarget(),
  tokenisedTarget("together-tokenised", ["TG-R12"]),
  tokenisedTarget("axolotl-tokenised", ["AX-R4"]),
];

/** Everything a file can be checked for: every format, and what is only checked. */
export const targets: readonly Target[] = [...exporters, ...checkedOnly];
