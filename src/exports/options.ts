// What a config says under `export:`, and `tracemill export` on its command line.
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { exporters } from "./index.ts";
import { encodingNames } from "./render/encoding.ts";

const formatNames = exporters.map((exporter) => exporter.name) as [string, ...string[]];
const share = z.number().min(0).lt(1);
const count = z.number().int().min(1);

/** What becomes of a conversation of more than `maxTokens`: it is left out, written as one row a step (those that fit), or its observations are shortened with a visible marker. */
export const lengthPolicies = ["reject", "split", "shorten"] as const;

export const exportOptions = z.strictObject({
  formats: z.array(z.enum(formatNames)).min(1).default(["chat-jsonl"]),
  /** Where the data comes from and under which licence, for the dataset card. */
  licence: z.string().default("unknown: state the licence of your sources"),
  title: z.string().default("Data-science agent trajectories"),
  /** Shares of the source datasets that are kept apart; a dataset is never cut. */
  split: z.strictObject({ validation: share.default(0), test: share.default(0) }).exactOptional(),
  /** Writes the items in an order drawn by the seed. */
  shuffle: z.boolean().default(false),
  /** Writes a row for each message that is trained, instead of one for the whole conversation. */
  perStep: z.boolean().default(false),
  /** The most preference pairs of one task. */
  pairsPerTask: count.default(4),
  /** Of splits and shuffling; the run's seed unless given. */
  seed: z.number().int().min(0).exactOptional(),
  /** Cuts files at about so many megabytes (1e6 bytes), or at so many items. */
  shards: z
    .strictObject({ megabytes: z.number().positive().exactOptional(), items: count.exactOptional() })
    .exactOptional(),
  /** The trainer's tokenizer: a folder or a tokenizer.json, or one of OpenAI's encodings (`o200k_base`). */
  tokenizer: z.string().min(1).exactOptional(),
  /** Its chat template, a Jinja file; that of the tokenizer's folder unless given. */
  template: z.string().min(1).exactOptional(),
  length: z.strictObject({ maxTokens: count, over: z.enum(lengthPolicies).default("reject") }).exactOptional(),
  parquetEngine: z.enum(["hyparquet-writer", "parquetjs-lite"]).default("hyparquet-writer"),
});
export type ExportOptions = z.output<typeof exportOptions>;

/** The options with their paths made absolute: those of a config start at its folder. */
export function relativeTo(configPath: string, options: ExportOptions): ExportOptions {
  const { tokenizer, template } = options;
  const from = (path: string) => resolve(dirname(configPath), path);
  return {
    ...options,
    ...(tokenizer === undefined ? {} : { tokenizer: encodingNames.includes(tokenizer) ? tokenizer : from(tokenizer) }),
    ...(template === undefined ? {} : { template: from(template) }),
  };
}
