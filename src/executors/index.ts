import type { Executor } from "../engine/executor.ts";
import { inProcess } from "./in-process.ts";

/** Every place a line's stages can run, by name. */
export const executors = {
  "in-process": inProcess,
} satisfies Record<string, () => Executor>;
