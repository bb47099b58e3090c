import type { Tuner } from "../contracts.ts";
import { fireworksTuner } from "./fireworks.ts";
import { azureTuner, openaiTuner } from "./openai.ts";
import { togetherTuner } from "./together.ts";

/** The fine-tuning services that a job can be started at. */
export const tuners: readonly Tuner[] = [togetherTuner(), fireworksTuner(), openaiTuner(), azureTuner()];
