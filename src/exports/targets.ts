import type { Target } from "../contracts.ts";
import { hubTarget } from "./card/hf-rules.ts";
import { columnarTargets } from "./columnar/targets.ts";
import { batchTarget } from "./hosted/batch.ts";
import { exporters } from "./index.ts";

/** Targets whose files are checked and not written here. */
const checkedOnly: readonly Target[] = [batchTarget(), hubTarget(), ...columnarTargets];

/** Everything a file can be checked for: every format, and what is only checked. */
export const targets: readonly Target[] = [...exporters, ...checkedOnly];
