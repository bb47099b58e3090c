import type { ZodObject, z } from "zod";
import type { Model, Recall, Remember, RequestWatch, Store } from "../contracts.ts";
import type { Secrets } from "../domain/secrets.ts";
import type { Admissions } from "./admission.ts";
import type { Budget } from "./budget.ts";
import type { Meter } from "./meter.ts";
import type { Prices } from "./prices.ts";

/** What every provider is handed. Time, randomness, environment and fetch are options so that tests can hold them still. */
export interface ProviderDeps {
  readonly remember: Remember;
  /** What is remembered already. Without it a model recalls nothing, and a chain of fallbacks asks its first endpoint first. */
  readonly recall?: Recall;
  /** Makes one of several processes ask a chain at a time, for one completion; without it they may ask two of its endpoints for the same. */
  readonly lease?: Store["lease"];
  /** Another endpoint is asked where this one is down, so nobody waits for it to come back. */
  readonly hasFallback?: boolean;
  /** Told, in a line for people, what a run has to know of its endpoints. */
  readonly say?: (line: string) => void;
  readonly meter: Meter;
  /** Prices of models that state none themselves. */
  readonly prices?: Prices;
  /** What the requests of a run may cost; nothing limits them without it. */
  readonly budget?: Pick<Budget, "reserve">;
  /** One for all models of a run: aliases that share an endpoint share its limits. */
  readonly admissions: Admissions;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Learns every key that is read, and cuts all of them out of what an error says. */
  readonly secrets?: Secrets;
  readonly watch?: RequestWatch;
  readonly fetch?: typeof fetch;
  /** Milliseconds since the epoch; Date.now unless given. */
  readonly now?: () => number;
  /** Waits; rejects with the signal's reason when it aborts first. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A number in [0, 1) for jitter; Math.random unless given. */
  readonly random?: () => number;
}

/** A model with what it opened; `close` releases it (a loopback server, connections) and may be called twice. */
export interface OpenedModel {
  readonly model: Model;
  /** Whether its endpoint answers nobody, and nobody is needed to look whether it is back: a fallback is asked then. Absent: it never is. */
  isDown?(): boolean;
  close(): Promise<void>;
}

/** One way to reach models. `schema` is a strict object with `provider: z.literal(name)`: one entry under `models:` in a config. */
export interface Provider<Schema extends ZodObject = ZodObject> {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  readonly schema: Schema;
  /** Spends nothing. @throws {UsageError} naming alias, option and way out where the config or environment cannot work. */
  create(alias: string, config: z.output<Schema>, deps: ProviderDeps): Promise<OpenedModel>;
}
