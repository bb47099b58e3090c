import { z } from "zod";

export const dataFormats = ["csv", "tsv", "json", "jsonl", "parquet", "xlsx"] as const;
export type DataFormat = (typeof dataFormats)[number];

/** One data file. `name` is the file's name below `/data/` inside the sandbox. */
export const dataFile = z.strictObject({
  name: z.string(),
  format: z.enum(dataFormats),
  bytes: z.number().int(),
  sha256: z.string(),
});
export type DataFile = z.infer<typeof dataFile>;

export const columnKinds = [
  "number",
  "integer",
  "money",
  "percent",
  "date",
  "category",
  "text",
  "boolean",
  "id",
  "nested",
] as const;

/**
 * What one column holds. `missing` and `distinct` are row counts; numbers, money, percent and dates carry their range, categories
 * their top values. `asText`: numbers written with signs or separators, which need cleaning before arithmetic.
 */
export const columnProfile = z.strictObject({
  name: z.string(),
  kind: z.enum(columnKinds),
  asText: z.literal(true).optional(),
  missing: z.number().int(),
  distinct: z.number().int(),
  min: z.union([z.number(), z.string()]).optional(),
  max: z.union([z.number(), z.string()]).optional(),
  mean: z.number().optional(),
  quartiles: z.tuple([z.number(), z.number(), z.number()]).optional(),
  top: z.array(z.strictObject({ value: z.string(), rows: z.number().int() })).optional(),
  examples: z.array(z.string()).optional(),
});
export type ColumnProfile = z.infer<typeof columnProfile>;

/** One table of a file: the file's only one, or a sheet of a workbook. `keys`: the columns, or pairs of them, that likely name a row. */
export const tableProfile = z.strictObject({
  sheet: z.string().optional(),
  rows: z.number().int(),
  columns: z.array(columnProfile),
  keys: z.array(z.array(z.string())).optional(),
});
export type TableProfile = z.infer<typeof tableProfile>;

/**
 * A column whose values are found in a column of another table of the dataset. `found`: the share of its distinct values that are;
 * `shape` reads from this table to the other.
 */
export const join = z.strictObject({
  column: z.string(),
  to: z.strictObject({ file: z.string(), sheet: z.string().optional(), column: z.string() }),
  shape: z.enum(["one to one", "many to one", "many to many"]),
  found: z.number(),
});
export type Join = z.infer<typeof join>;

/** A table of a dataset's file, and the joins that start at it. */
export const fileProfile = tableProfile.extend({ file: z.string(), joins: z.array(join).optional() });
export type FileProfile = z.infer<typeof fileProfile>;

/** Data files someone can ask about. The id is a hash of the files' names and contents, never of where they lie. */
export const dataset = z.strictObject({
  id: z.string(),
  name: z.string(),
  files: z.array(dataFile).min(1),
  /** The terms of its source and where it was found, as the config says; no part of its identity. */
  licence: z.string().exactOptional(),
  url: z.string().exactOptional(),
});
export type Dataset = z.infer<typeof dataset>;

/** A dataset with its profile: where query generation starts. `exploration` counts independent explorations of one dataset from 0. */
export const seed = z.strictObject({
  id: z.string(),
  dataset,
  profile: z.array(fileProfile),
  exploration: z.number().int(),
});
export type Seed = z.infer<typeof seed>;
