import { openAiCompatible } from "./openai-compatible.ts";

/** Every way to reach a model: one file and one line each. */
export const providers = [openAiCompatible] as const;
