import type { SentRequest, Spend } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import type { Admission } from "./admission.ts";
import type { Answer } from "./answer.ts";
import type { Reservation } from "./budget.ts";
import { boundOf, costOf, costOfError } from "./charge.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";
import { priced } from "./price.ts";
import type { ProviderDeps } from "./provider.ts";
import { longestWaitMs, retry, TransientError, wait } from "./retry.ts";
import { currentSpender } from "./spender.ts";
import type { Transport } from "./transport.ts";

/** Sends a payload to one endpoint until there is an answer: admitted, counted, watched, tried again. */
export interface Sender {
  /** @throws {FailureError} "provider" after retries; {BudgetError} where the budget does not hold it; what the transport throws that is not worth another try. */
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
  const gone = () =>
    new FailureError(
      "provider",
      `Expected an answer from ${what}, got none to any request for ${config.retries.totalSeconds} s, so it was not asked again`,
    );

  return { ask };

  async function ask(payload: Readonly<Record<string, unknown>>, spend: Spend, signal: AbortSignal): Promise<Answer> {
    const { stage = null, item = null } = currentSpender() ?? {};
    const bound = deps.budget === undefined ? null : boundOf(payload, config.price);
    const request = (number: number): SentRequest => ({ alias, stage, baseUrl, payload, try: number });
    const send = async (number: number, reserved: Reservation | null) => {
      await reserved?.kept;
      const sent = deps.meter.send(alias);
      const sentMs = now();
      deps.watch?.sends(request(number));
      try {
        const { answer: received } = await transport.complete(payload, signal);
        const usage = priced(received.usage, config.price);
        reserved?.settle(costOf(usage));
        sent.received(usage);
        deps.watch?.receives(request(number), { ...received, usage }, now() - sentMs);
        admission.outage.answered();
        return received;
      } catch (error) {
        reserved?.settle(costOfError(error));
        sent.failed();
        deps.watch?.fails(request(number), error, now() - sentMs);
        if (error instanceof TransientError) admission.outage.unanswered();
        else if (!signal.aborted) admission.outage.answered();
        // Before this request's place is free, or the next one would slip in.
        if (error instanceof TransientError && error.pausesEndpoint) {
          const pauseMs = longestWaitMs(error.retryAfterMs, number, config.retries);
          admission.pause(pauseMs);
          deps.watch?.pauses(request(number), error, pauseMs);
        }
        throw error;
      }
    };
    const attempt = async (number: number) => {
      if (admission.outage.isHopeless(config.retries)) throw gone();
      const reserved = bound && deps.budget ? await deps.budget.reserve({ alias, stage, item, bound }, signal) : null;
      return spend(() => send(number, reserved));
    };
    return retry((number) => admission.admit(() => attempt(number), { signal, priority: number }), {
      what,
      policy: config.retries,
      signal,
      now,
      sleep,
      random,
      waits: (number, error, waitMs) => deps.watch?.waits(request(number), error, waitMs),
    });
  }
}
