import type { Target } from "../contracts.ts";
import { batchTarget } from "./hosted/batch.ts";
import { exporters } from "./index.ts";

/** Targets whose files are checked and not written here. */
const checkedOnly: readonly Target[] = [batchTarget()];

/** Everything a file can be checked for: every format, and what is only checked. */
export const targets: readonly Target[] = [...exporters, ...checkedOnly];
