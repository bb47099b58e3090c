// Every case, in the order in which they are run.
import type { HostileCase } from "../case.ts";
import { collectCases } from "./collect.ts";
import { cpu } from "./cpu.ts";
import { crashCases } from "./crashes.ts";
import { data } from "./data.ts";
import { disclosureCases } from "./disclosure.ts";
import { disk } from "./disk.ts";
import { files } from "./files.ts";
import { kernel } from "./kernel.ts";
import { lastingCases } from "./lasting.ts";
import { legitimateCases } from "./legitimate.ts";
import { limitCases } from "./limits.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { operationCases } from "./operations.ts";
import { outputCases } from "./output.ts";
import { processes } from "./processes.ts";
import { promptCases } from "./prompt.ts";
import { protocolCases } from "./protocol.ts";
import { refusalCases } from "./refusals.ts";
import { secrets } from "./secrets.ts";
import { supervisor } from "./supervisor.ts";

export const cases: readonly HostileCase[] = [
  ...processes,
  ...memory,
  ...disk,
  ...cpu,
  ...network,
  ...secrets,
  ...data,
  ...kernel,
  ...supervisor,
  ...files,
  ...protocolCases,
  ...outputCases,
  ...crashCases,
  ...limitCases,
  ...lastingCases,
  ...collectCases,
  ...disclosureCases,
  ...operationCases,
  ...refusalCases,
  ...legitimateCases,
  ...promptCases,
];
