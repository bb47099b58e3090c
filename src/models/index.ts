import { offlineTeacher } from "./offline-teacher/provider.ts";
import { openAiCompatible } from "./openai-compatible.ts";

/** Every way to reach a model: one file and one line each. */
export const providers = [openAiCompatible, offlineTeacher] as const;
