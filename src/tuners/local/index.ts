import { nemoTrainer, swiftTrainer, verlTrainer } from "./argument-trainers.ts";
import type { LocalTrainer } from "./plan.ts";
import { trlTrainer } from "./trl.ts";
import { axolotlTrainer, llamaFactoryTrainer } from "./yaml-trainers.ts";

/** The trainers that a folder can be written for. */
export const localTrainers: readonly LocalTrainer[] = [
  trlTrainer(),
  axolotlTrainer(),
  llamaFactoryTrainer(),
  swiftTrainer(),
  verlTrainer(),
  nemoTrainer(),
];
