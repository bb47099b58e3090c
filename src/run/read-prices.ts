import { dirname, join, resolve } from "node:path";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { type Prices, priceFile, pricesOf, type TuningPrice } from "../models/prices.ts";
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

/** What fine-tuning services take, from a file that is named, relative to where the command is typed; the package's own otherwise. @throws {UsageError} for a file that is not one of prices. */
export async function readTuningPrices(named: string | undefined): Promise<readonly TuningPrice[]> {
  const path = named === undefined ? join(packageRoot(), "configs", "prices.yaml") : resolve(named);
  const { value } = await readConfig(path);
  return parseConfig(priceFile, value, path).tuning;
}
