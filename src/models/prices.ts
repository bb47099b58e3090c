import { z } from "zod";
import type { Price } from "../contracts.ts";

/** US dollars for a million tokens, and the day on which that was read. Cached input costs as all input where it is left out. */
export const price = z.strictObject({
  inputPerMillion: z.number().nonnegative(),
  cachedInputPerMillion: z.number().nonnegative().optional(),
  outputPerMillion: z.number().nonnegative(),
  asOf: z.iso.date(),
});

const endpoint = z
  .string()
  .refine((stated) => placeOf(stated) !== null, "Expected a host (`api.example.com`) or a base URL (`https://…/v1`)");

/**
 * What a fine-tuning service takes: US dollars for a million trained tokens (tokens of the file times epochs), at least `minimumUsd` a job, besides
 * `hostingPerHourUsd` of the tuned model where the service asks for that.
 */
export const tuningPrice = z.strictObject({
  service: z.string().min(1),
  model: z.string().min(1),
  method: z.enum(["sft", "dpo"]).default("sft"),
  perMillion: z.number().nonnegative(),
  minimumUsd: z.number().nonnegative().default(0),
  hostingPerHourUsd: z.number().nonnegative().exactOptional(),
  asOf: z.iso.date(),
  source: z.string().exactOptional(),
});
/** A `tuningPrice` as it was read. */
export type TuningPrice = z.output<typeof tuningPrice>;

/** A file of prices: `endpoint` is a host, or a base URL, which wins over its host; `model` the name in a config. One entry for each. */
export const priceFile = z.strictObject({
  tuning: z.array(tuningPrice).default([]),
  prices: z
    .array(price.extend({ endpoint, model: z.string().min(1), source: z.string().exactOptional() }))
    .superRefine((prices, context) => {
      const first = new Map<string, number>();
      for (const [index, entry] of prices.entries()) {
        const key = JSON.stringify([placeOf(entry.endpoint), entry.model]);
        const earlier = first.get(key);
        first.set(key, earlier ?? index);
        if (earlier === undefined) continue;
        const message = `Expected no second price of \`${entry.model}\` there (\`prices.${earlier}\` has one: remove either)`;
        context.addIssue({ code: "custom", path: [index, "endpoint"], message });
      }
    }),
});
export type PriceFile = z.output<typeof priceFile>;

/** The price of a model at an endpoint; undefined where the file has none. */
export type Prices = (baseUrl: string, model: string) => Price | undefined;

/** Looks prices up: those of a base URL before those of its host. */
export function pricesOf({ prices }: Pick<PriceFile, "prices">): Prices {
  return (baseUrl, model) => {
    const at = (place: string | null) =>
      prices.find((entry) => entry.model === model && placeOf(entry.endpoint) === place);
    const found = at(placeOf(baseUrl)) ?? at(new URL(baseUrl).host);
    if (found === undefined) return undefined;
    const { endpoint: _endpoint, model: _model, source: _source, ...rest } = found;
    return rest;
  };
}

/** A host, or a base URL without what changes nothing of it; null for a text that is neither. */
function placeOf(stated: string): string | null {
  const isUrl = /^https?:\/\//i.test(stated);
  const text = isUrl ? stated : `http://${stated}`;
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const path = url.pathname.replace(/\/+$/, "") + url.search;
  if (isUrl) return path === "" ? url.host : `${url.protocol}//${url.host}${path}`;
  return url.host === stated.toLowerCase() ? url.host : null;
}

const staleDays = 180;

/** What a person has to know of the prices before anything is spent: those that are unknown, and those read long ago. A line each. */
export function priceLines(
  models: readonly { readonly name: string; readonly price?: Price | null }[],
  options: { readonly file: string; readonly nowMs: number },
): string[] {
  const names = (found: typeof models) => found.map(({ name }) => name).join(", ");
  const unknown = models.filter((model) => (model.price ?? null) === null);
  const stale = models.filter(
    ({ price: known }) =>
      known && known.outputPerMillion > 0 && options.nowMs - Date.parse(known.asOf) > staleDays * 86_400_000,
  );
  return [
    ...(unknown.length === 0
      ? []
      : [`prices    unknown of ${names(unknown)}: state \`price\` at the model, or add it to ${options.file}`]),
    ...(stale.length === 0
      ? []
      : [`prices    read more than ${staleDays} days ago of ${names(stale)}: look whether they still hold`]),
  ];
}
