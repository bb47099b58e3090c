import type { Target } from "../../contracts.ts";
import { axolotlTokenised, togetherTokenised } from "./tokenised.ts";

/** Columnar targets that only check: their files come from the format `tokenised`, or from others. */
export const columnarTargets: readonly Target[] = [togetherTokenised, axolotlTokenised];
