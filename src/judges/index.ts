import { rubricJudge } from "./rubric.ts";

/** Every kind of judge, by name. */
export const judges = [{ name: "rubric", judge: rubricJudge }] as const;
