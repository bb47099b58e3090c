import type { RefusalKind } from "./refusals.ts";

/** Who asks to be let in. */
export interface Asking {
  readonly signal: AbortSignal;
  /** The number of the try, from 1; later tries of a stage go before first ones. */
  readonly priority: number;
  /** Stages take turns; null is one of them. */
  readonly stage: string | null;
  /** The most tokens it can come to, input and output together. */
  readonly tokens: number;
  /** The model asked for: what headers say of limits holds for it alone. */
  readonly model: string;
  /** Waits so long for an endpoint that is down. */
  readonly patienceMs: number;
  /** Does not wait for such an endpoint at all: somebody else is asked. It may be sent to look, though. */
  readonly leavesWhenDown?: boolean;
  /** Told when this request's answer ended a time without any, with its length. */
  readonly comesBack?: (downMs: number) => void;
}

/** The endpoint answered nobody for as long as whoever waits has patience. */
export class EndpointGone extends Error {
  override readonly name = "EndpointGone";
}

/** A request that was let in. Exactly one of these is told once it was sent; where none is, it was not sent, and its share of the limits is given back. */
export interface Place {
  /** A whole answer, with the tokens it cost. */
  answered(headers: Headers | null, tokens: number): void;
  /** It would not answer this one. Returns which requests it refused, where that says that it refuses all; null otherwise. */
  refused(headers: Headers | null, kind: RefusalKind): string | null;
  /** It said that it was too much, and to leave it alone for `pauseMs` (null: not said). */
  limited(headers: Headers | null, options: { readonly pauseMs: number | null; readonly maxWaitMs: number }): void;
  /** No answer, and another try may have one. Returns how soon somebody looks again, where the endpoint is now left alone. */
  unanswered(options: {
    readonly words: string;
    readonly pauseMs: number | null;
    readonly isOverload: boolean;
  }): number | null;
  /** It was stopped under way. */
  stopped(): void;
}
