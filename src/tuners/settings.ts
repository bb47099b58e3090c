import type { TuningSettings } from "../contracts.ts";

interface Range {
  readonly least?: number;
  readonly most?: number;
  /** Greater than this. */
  readonly above?: number;
  readonly whole?: boolean;
  /** What the service makes of the number, where that is not its name. */
  readonly called?: string;
}

const options = {
  epochs: "epochs",
  learningRate: "learning-rate",
  batchSize: "batch-size",
  loraRank: "lora-rank",
  seed: "seed",
} as const;

/** The settings outside of a service's ranges, a line each. */
export function rangeProblems(
  settings: TuningSettings,
  ranges: Readonly<Partial<Record<keyof typeof options, Range>>>,
): string[] {
  return Object.entries(ranges).flatMap(([name, { least, most, above, whole = false, called }]) => {
    const value = settings[name as keyof typeof options];
    if (value === undefined) return [];
    const low = (least !== undefined && value < least) || (above !== undefined && value <= above);
    if (!low && !(most !== undefined && value > most) && (!whole || Number.isInteger(value))) return [];
    const bounds = [
      whole ? "a whole number" : "a number",
      ...(least === undefined ? [] : [`from ${least}`]),
      ...(above === undefined ? [] : [`above ${above}`]),
      ...(most === undefined ? [] : [`to ${most}`]),
    ].join(" ");
    const note = called === undefined ? "" : ` (the service takes it as a ${called})`;
    return [`${options[name as keyof typeof options]}: expected ${bounds}, got ${value}${note}`];
  });
}
