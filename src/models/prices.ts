import { z } from "zod";
import type { Price } from "../contracts.ts";

/** US dollars for a million tokens, and the day on which that was read. Cached input costs as all input where it is left out. */
export const price = z.strictObject({
  inputPerMillion: z.number().nonnegative(),
  cachedInputPerMillion: z.number().nonnegative().optional(),
  outputPerMillion: z.number().nonnegative(),
  asOf: z.iso.date(),
});

/** A file of prices: `endpoint` is a host, or a base URL, which wins over its host; `model` the name in a config. */
export const priceFile = z.strictObject({
  prices: z.array(
    price.extend({ endpoint: z.string().min(1), model: z.string().min(1), source: z.string().exactOptional() }),
  ),
});
export type PriceFile = z.output<typeof priceFile>;

/** The price of a model at an endpoint; undefined where the file has none. */
export type Prices = (baseUrl: string, model: string) => z.output<typeof price> | undefined;

/** Looks prices up: those of a base URL before those of its host. Of two that are alike the first counts. */
export function pricesOf({ prices }: PriceFile): Prices {
  return (baseUrl, model) => {
    const bare = (url: string) => url.replace(/\/+$/, "");
    const { host } = new URL(baseUrl);
    const ofModel = prices.filter((entry) => entry.model === model);
    const found =
      ofModel.find(({ endpoint }) => bare(endpoint) === bare(baseUrl)) ??
      ofModel.find(({ endpoint }) => endpoint.toLowerCase() === host);
    if (found === undefined) return undefined;
    const { endpoint, model: _, source, ...rest } = found;
    return rest;
  };
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
