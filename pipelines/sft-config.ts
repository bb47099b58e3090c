// What a config of the SFT recipe says.
import { z } from "zod";
import { modelConfig, options, runShape, scaffoldName } from "../src/index.ts";

export const sftConfig = z.strictObject({
  ...runShape,
  models: z.strictObject({ proposer: modelConfig, teacher: modelConfig, judge: modelConfig }),
  prompts: z
    .strictObject({
      agent: z.string().default("agent/react.md"),
      task: z.string().default("agent/task.md"),
      propose: z.string().default("propose/system.md"),
      seed: z.string().default("propose/seed.md"),
      judge: z.string().default("judge/system.md"),
      record: z.string().default("judge/record.md"),
    })
    .prefault({}),
  scaffold: scaffoldName.default("react"),
  propose: options.propose,
  vet: z.strictObject({ ...options.dedupe.shape, ...options.reference.shape }).prefault({}),
  rollouts: options.rollouts,
  screen: z.strictObject({ grounded: z.number().min(0).max(1).default(1), maxStepErrors: z.number().int().min(0) }),
  judge: options.judge,
  accept: options.accept,
  select: options.select,
});
export type SftConfig = z.output<typeof sftConfig>;
