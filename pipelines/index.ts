import sft from "./sft.ts";

/** Every recipe a config can name under `recipe:`. */
export const recipes = [sft] as const;
