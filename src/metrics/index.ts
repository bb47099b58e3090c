import type { Metric } from "../contracts.ts";
import { choice } from "./choice.ts";
import { list } from "./list.ts";
import { namedValues } from "./named-values.ts";
import { number } from "./number.ts";
import { text } from "./text.ts";

/** Every answer metric, by the name that a reference carries. */
export const metrics: readonly Metric[] = [number, namedValues, choice, list, text];
