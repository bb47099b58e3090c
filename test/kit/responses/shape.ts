import type { FinishReason } from "../../../src/domain/trajectory.ts";

/** What a family's documentation shows or describes, one of each where it happens. */
export const kinds = ["text", "tool_call", "reasoning", "length", "refused", "error", "no_usage"] as const;
export type Kind = (typeof kinds)[number];

/** What a body has to be read as: a completion, or the name of an error and words of its message. */
export type Gives =
  | {
      readonly text: string;
      readonly reasoning?: string;
      readonly toolCalls?: readonly (readonly [name: string, args: string])[];
      readonly finishReason: FinishReason;
      /** Input, cached input, output and reasoning tokens; null where the endpoint reports none and they are estimated. */
      readonly tokens: readonly [number, number, number, number] | null;
    }
  | { readonly error: "UsageError" | "RejectionError" | "FailureError"; readonly says: string };

/** One answer as the endpoint sends it, status and body. */
export interface ResponseCase {
  readonly kind: Kind;
  /** What it is, and whose words show it. */
  readonly what: string;
  readonly status?: number;
  readonly body: unknown;
  readonly gives: Gives;
}

/** A family's answers, after its documentation; none was recorded. */
export interface FamilyResponses {
  readonly pages: readonly string[];
  readonly cases: readonly ResponseCase[];
  /** Kinds that it has no case of, and why. */
  readonly without?: Readonly<Partial<Record<Kind, string>>>;
}
