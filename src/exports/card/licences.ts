// C12: which sources have a licence, as the card says it.
import type { Dataset } from "../../domain/dataset.ts";

/** Whether the config says something about the licence of all sources. The words that stand there until somebody does are no licence. */
export function isStated(licence: string): boolean {
  return licence.trim() !== "" && !/^unknown\b/i.test(licence.trim());
}

/** The sentence of a card whose sources are not all licensed; null where each has a licence of its own, or all have one in common. */
export function unlicensedSentence(datasets: readonly Dataset[], licence: string): string | null {
  const unnamed = datasets.filter((dataset) => dataset.licence === undefined).length;
  if (unnamed === 0 || isStated(licence)) return null;
  return `**${unnamed} of ${datasets.length} source datasets have no licence in the config.** Nobody has said that they, or what was derived from them, may be passed on.`;
}

/** Whether a card says so. */
export function hasUnlicensed(card: string): boolean {
  return /source datasets have no licence in the config|unknown: state the (licence|terms)/.test(card);
}
