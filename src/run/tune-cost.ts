// What a tuning job would cost, and what is said of it before a person is asked.
import { count, dollars, plural } from "../audit/text.ts";
import type { TuningFile, TuningTokens } from "../contracts.ts";
import type { HostedTuning } from "./tune-hosted.ts";

export interface Cost {
  readonly usd: number | null;
  readonly words: string;
}

const staleDays = 90;

/** What a job would come to by the prices file; null dollars where that has no price. */
export function costOf(
  { tuner, settings, prices, renderer }: Pick<HostedTuning, "tuner" | "settings" | "prices" | "renderer">,
  tokens: TuningTokens,
): Cost {
  const billed = tuner.billedTokens(tokens, settings);
  const what = `${count(billed.tokens)} tokens over ${billed.epochs} epochs${renderer.exact ? "" : " (an estimate)"}`;
  const price = prices.find(
    ({ service, model, method }) => service === tuner.name && model === settings.model && method === settings.method,
  );
  if (price === undefined)
    return {
      usd: null,
      words: `cost      unknown: ${what}, and no price of \`${settings.model}\` at ${tuner.name} in the prices file (docs/tuning.md)`,
    };
  const usd = Math.max(price.minimumUsd, (billed.tokens * price.perMillion) / 1e6);
  const least = usd === price.minimumUsd && price.minimumUsd > 0 ? ", the least a job costs" : "";
  const old =
    Date.now() - Date.parse(price.asOf) > staleDays * 86_400_000
      ? `; the price is of ${price.asOf}: look whether it still holds`
      : "";
  const hosting =
    price.hostingPerHourUsd === undefined
      ? ""
      : `; the tuned model costs ${dollars(price.hostingPerHourUsd)} an hour while it is deployed`;
  return {
    usd,
    words: `cost      about ${dollars(usd)}: ${what} at ${dollars(price.perMillion)} a million${least}${hosting}${old}`,
  };
}

/** What is said before a person is asked. */
export function outlineOf(
  { tuner, settings, baseUrl }: Pick<HostedTuning, "tuner" | "settings" | "baseUrl">,
  made: {
    readonly file: TuningFile;
    readonly validation: TuningFile | null;
    readonly tokens: { readonly tokens: number; readonly longest: number };
    readonly cost: Cost;
  },
): string[] {
  const { file, validation, tokens, cost } = made;
  const given = Object.entries(settings).filter(
    ([name, value]) => value !== undefined && !["model", "method", "extra"].includes(name),
  );
  return [
    `service   ${tuner.name} at ${baseUrl}, ${settings.method}, ${settings.model}`,
    `file      ${file.path}: ${plural(file.rows, "row")}, ${count(tokens.tokens)} tokens, the longest ${count(tokens.longest)}`,
    ...(validation === null ? [] : [`validate  ${validation.path}: ${plural(validation.rows, "row")}`]),
    `settings  ${given.length === 0 ? "the service's own" : given.map(([name, value]) => `${name} ${String(value)}`).join(", ")}`,
    cost.words,
  ];
}
