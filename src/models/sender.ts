import type { SentRequest, Spend } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import { EndpointGone, type Place } from "./admission/place.ts";
import type { Admission } from "./admission.ts";
import type { Answer } from "./answer.ts";
import type { Reservation } from "./budget.ts";
import { boundOf, costOf, costOfError, sizeOf } from "./charge.ts";
import { RefusedError } from "./endpoint-error.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";
import { priced } from "./price.ts";
import type { ProviderDeps } from "./provider.ts";
import { headersOf, longestWaitMs, type RetryPolicy, retry, TransientError, wait } from "./retry.ts";
import { currentSpender } from "./spender.ts";
import type { Transport } from "./transport.ts";

/** Sends a payload to one endpoint until there is an answer: admitted, counted, watched, tried again. */
export interface Sender {
  /**
   * @throws {FailureError} "provider" after retries, or where the endpoint refused this request; {UsageError} where it refuses all;
   * {BudgetError} where the budget does not hold it; {RejectionError} as the transport throws it.
   */
  ask(payload: Readonly<Record<string, unknown>>, spend: Spend, signal: AbortSignal): Promise<Answer>;
}

/** The sender of one alias; the admission is its endpoint's. */
export function createSender(options: {
  readonly alias: string;
  readonly config: OpenAiCompatibleConfig;
  readonly transport: Transport;
  readonly admission: Admission;
  readonly deps: ProviderDeps;
}): Sender {
  const { alias, config, transport, admission, deps } = options;
  const { now = Date.now, random = Math.random, sleep = wait } = deps;
  const { baseUrl } = config;

  const what = `model \`${alias}\` (${baseUrl})`;
  const { maxRetries, retries, model } = config;
  const policy: RetryPolicy = { ...retries, maxRetries };
  const patienceMs = retries.totalSeconds * 1000;
  const leavesWhenDown = deps.hasFallback ?? false;

  return { ask };

  async function ask(payload: Readonly<Record<string, unknown>>, spend: Spend, signal: AbortSignal): Promise<Answer> {
    const { stage = null, item = null } = currentSpender() ?? {};
    const size = sizeOf(payload);
    const bound = deps.budget === undefined ? null : boundOf(payload, config.price, size);
    // The most that it can come to: a token for each byte sent, and the answer's limit.
    const tokens = size.bytes + (size.answer ?? 0);
    let waitedMs = 0;
    const request = (number: number): SentRequest => ({ alias, stage, baseUrl, payload, try: number });

    const send = async (number: number, place: Place, reserved: Reservation | null) => {
      await reserved?.kept;
      const sent = deps.meter.send(alias, stage);
      const sentMs = now();
      deps.watch?.sends(request(number));
      try {
        const { answer, headers } = await transport.complete(payload, signal);
        const usage = priced(answer.usage, config.price);
        reserved?.settle(costOf(usage));
        sent.received(usage);
        deps.watch?.receives(request(number), { ...answer, usage }, now() - sentMs);
        place.answered(headers, usage.inputTokens + usage.outputTokens);
        return answer;
      } catch (error) {
        reserved?.settle(costOfError(error));
        sent.failed();
        deps.watch?.fails(request(number), error, now() - sentMs);
        throw told(error, place, request(number));
      }
    };

    const attempt = (number: number): Promise<Answer> => {
      const askedMs = now();
      const comesBack = (downMs: number) => deps.watch?.comesBack(request(number), downMs);
      const asking = { signal, priority: number, stage, tokens, model, patienceMs, leavesWhenDown, comesBack };
      return admission.admit(async (place) => {
        waitedMs += now() - askedMs;
        // Nothing is held back while it waits for its place.
        const reserved = bound && deps.budget ? await deps.budget.reserve({ alias, stage, item, bound }, signal) : null;
        return spend(() => send(number, place, reserved));
      }, asking);
    };

    try {
      return await retry(attempt, {
        what,
        policy,
        signal,
        now: () => now() - waitedMs,
        sleep,
        random,
        waits: (number, error, waitMs) => deps.watch?.waits(request(number), error, waitMs),
      });
    } catch (error) {
      throw error instanceof EndpointGone ? gone(error) : error;
    }

    /** Tells the place what came instead of an answer, before the next one slips in, and says what that is to whoever asked. */
    function told(error: unknown, place: Place, sent: SentRequest): unknown {
      const headers = headersOf(error);
      if (signal.aborted) {
        place.stopped();
        return error;
      }
      if (error instanceof RefusedError) {
        const all = place.refused(headers, error.kind);
        return all === null ? error.asFailure() : error.asUsage(all);
      }
      if (!(error instanceof TransientError)) {
        // Rejected for what it asked: the endpoint does answer.
        place.answered(headers, 0);
        return error;
      }
      // Where it did not say for how long, the first wait will do: this request waits longer by itself, and fewer go at once.
      const pauseMs = error.pausesEndpoint ? longestWaitMs(error.retryAfterMs, 1, policy) : null;
      if (error.status === 429) {
        place.limited(headers, { pauseMs, maxWaitMs: policy.maxWaitSeconds * 1000 });
      } else {
        const isOverload = error.isTimeout || error.status === 503 || error.status === 529;
        const againMs = place.unanswered({ words: error.message, pauseMs, isOverload });
        if (againMs !== null) deps.watch?.goesDown(sent, error, againMs);
      }
      if (pauseMs !== null) deps.watch?.pauses(sent, error, pauseMs);
      return error;
    }
  }

  function gone(error: EndpointGone): FailureError {
    const why = leavesWhenDown
      ? "which answers nobody, so it was not waited for"
      : `got none to any request for ${retries.totalSeconds} s, so it was not asked again`;
    return new FailureError(
      "provider",
      `Expected an answer from ${what}, ${why}; the last ended with: ${error.message}`,
      { cause: error },
    );
  }
}
