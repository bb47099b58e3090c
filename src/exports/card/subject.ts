// What a dataset card tells of, gathered by who writes it.
import type { Dataset } from "../../domain/dataset.ts";
import type { FunnelRow } from "../../domain/run.ts";
import type { ExportFacts } from "../manifest.ts";
import type { WrittenFormat } from "../write-all.ts";
import type { ExampleTally } from "./tally.ts";

/** A model under its alias in the config. `program`: the offline teacher, in this process or served; every card says so. */
export interface CardModel {
  readonly name: string;
  readonly identity: Readonly<Record<string, unknown>>;
  readonly program: boolean;
}

/** The tries of a run that ended, as its ledger holds them. Steps are runs of code. */
export interface TryCounts {
  readonly tried: number;
  readonly accepted: number;
  readonly steps: number;
  readonly failedSteps: number;
  /** Accepted of tried, by the task's difficulty (`none` where it has none) and by dataset name. */
  readonly byDifficulty: Readonly<Record<string, readonly [accepted: number, tried: number]>>;
  readonly byDataset: Readonly<Record<string, readonly [accepted: number, tried: number]>>;
}

/** How the judge judged: measured, never compared with people. Means over the criteria of a verdict, 0 to 1. */
export interface JudgeCertificate {
  readonly judged: number;
  readonly votes: number;
  /** Votes whose answer had to be repaired or asked for again until it could be read. */
  readonly repaired: number;
  /** Mean and spread of each criterion: the spread is the mean over the candidates of the standard deviation between their votes, null with one vote each. */
  readonly criteria: readonly { readonly name: string; readonly mean: number; readonly spread: number | null }[];
  /** Quantiles of the means of what was kept and of what a threshold of the judge dropped; null where there is none. */
  readonly kept: readonly [p10: number, median: number, p90: number] | null;
  readonly dropped: readonly [p10: number, median: number, p90: number] | null;
  /** The thresholds of the config, as it says them. */
  readonly thresholds: Readonly<Record<string, unknown>>;
}

/** A prompt that the models were given: its name, its text as it was used (null where the file has changed since), the hash of that, and what it was for in the config's words (`agent`, `judge` …). */
export interface CardPrompt {
  readonly name: string;
  readonly text: string | null;
  readonly sha256: string;
  readonly role?: string;
}

export interface CardSubject {
  readonly title: string;
  /** Where the data comes from and under which terms, in the words of the config. */
  readonly licence: string;
  readonly run: string;
  /** The folder that holds the files. */
  readonly folder: string;
  readonly formats: readonly WrittenFormat[];
  readonly facts: ExportFacts;
  readonly tally: ExampleTally;
  readonly funnel: readonly FunnelRow[];
  readonly datasets: readonly Dataset[];
  readonly models: readonly CardModel[];
  readonly tries?: TryCounts | null;
  readonly judge?: JudgeCertificate | null;
  readonly prompts?: readonly CardPrompt[];
  /** Paths of what trainers read beside the data (`dataset_info.json` …). */
  readonly companions?: readonly string[];
  /** Names of the functions in `tools.json`. */
  readonly tools?: readonly string[];
  /** The scaffold that the conversations were had with. */
  readonly scaffold?: string | null;
  /** Items that infrastructure trouble left undone; above 0 the card says that the export is provisional. */
  readonly owed: number;
  /** The run was stopped before its end, so the files hold only part of it. */
  readonly stopped: boolean;
  /** How many seeds or questions were started, where the run was limited; `preview` where it was only a look. */
  readonly limit?: number | null;
  readonly preview?: boolean;
  /** The day of the run, for citations: `2026-11-25`. */
  readonly date?: string | null;
}
