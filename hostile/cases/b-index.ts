import type { HostileCase } from "../case.ts";
import { collectCases } from "./b-collect.ts";
import { crashCases } from "./b-crashes.ts";
import { disclosureCases } from "./b-disclosure.ts";
import { legitimateCases } from "./b-legitimate.ts";
import { limitCases } from "./b-limits.ts";
import { operationCases } from "./b-operations.ts";
import { outputCases } from "./b-output.ts";
import { processCases } from "./b-processes.ts";
import { promptCases } from "./b-prompt.ts";
import { protocolCases } from "./b-protocol.ts";
import { refusalCases } from "./b-refusals.ts";

/** Rows 26 to 62 of the catalogue. */
export const casesB: readonly HostileCase[] = [
  ...protocolCases,
  ...outputCases,
  ...crashCases,
  ...limitCases,
  ...processCases,
  ...collectCases,
  ...disclosureCases,
  ...operationCases,
  ...refusalCases,
  ...legitimateCases,
  ...promptCases,
];
