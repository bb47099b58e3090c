// What a config says about each stage, by the stage's name; a recipe puts together those it uses.
export { acceptOptions as accept } from "./accept.ts";
export { dedupeOptions as dedupe } from "./dedupe.ts";
export { judgeOptions as judge } from "./judge.ts";
export { proposeOptions as propose } from "./propose.ts";
export { referenceOptions as reference } from "./reference.ts";
export { rolloutsOptions as rollouts } from "./rollouts.ts";
export { selectOptions as select } from "./select.ts";
