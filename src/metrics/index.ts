import type { FileMetric, Metric } from "../contracts.ts";
import { choice } from "./choice.ts";
import { list } from "./list.ts";
import { namedValues } from "./named-values.ts";
import { number } from "./number.ts";
import { table } from "./table.ts";
import { text } from "./text.ts";

/**
 * Every answer metric, by the name that a reference carries: `number`, `named_values` (`@name[value]`), `choice`, `list` and `text`. Each
 * scores 1 or 0; null where the reference cannot be read.
 */
export const metrics: readonly Metric[] = [number, namedValues, choice, list, text];

/** Every metric of submitted files, by the name that a reference with a file carries: `table`. Scores are in [0, 1]. */
export const fileMetrics: readonly FileMetric[] = [table];
