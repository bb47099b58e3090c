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
    // What is no number is in no range.
    const low =
      Number.isNaN(value) || (least !== undefined && value < least) || (above !== undefined && value <= above);
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

/** The `--option`s that a service does not know, or that are no number of bytes, a line each. */
export function optionProblems(given: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    if (!known.includes(name)) return [`option ${name}: expected ${known.join(", ")}`];
    if (!name.endsWith("-bytes") || /^[1-9]\d*$/.test(value)) return [];
    return [`option ${name}: expected a whole number of bytes above 0, got \`${value}\``];
  });
}

/** The fields of `--set` that the command fills in itself, a line each: by them a job is found again. */
export function ownProblems(extra: Readonly<Record<string, unknown>>, own: readonly string[]): string[] {
  return own
    .filter((name) => name in extra)
    .map((name) => `set ${name}: the command fills that field in; leave it out`);
}
