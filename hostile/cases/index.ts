// Every case, in the order in which they are run.
import type { HostileCase } from "../case.ts";
import { casesB } from "./b-index.ts";
import { cpu } from "./cpu.ts";
import { data } from "./data.ts";
import { disk } from "./disk.ts";
import { files } from "./files.ts";
import { kernel } from "./kernel.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { processes } from "./processes.ts";
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
  ...casesB,
];
