import { dirname, join, resolve } from "node:path";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { type Prices, priceFile, pricesOf } from "../models/prices.ts";
import { packageRoot } from "../package.ts";

/** The prices that a config names, relative to it; the package's own file where it names none. @throws {UsageError} for a file that is not one of prices. */
export async function readPrices(
  named: string | undefined,
  configPath: string,
): Promise<{ readonly path: string; readonly prices: Prices }> {
  const path =
    named === undefined ? join(packageRoot(), "configs", "prices.yaml") : resolve(dirname(configPath), named);
  const { value } = await readConfig(path);
  return {
    path: named ?? "a file that `prices` names (docs/costs.md)",
    prices: pricesOf(parseConfig(priceFile, value, path)),
  };
}
