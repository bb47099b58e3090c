import type { ChatRequest, Completion, Model, Store } from "../contracts.ts";
import { FailureError, RejectionError, UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";

/** One endpoint of a chain. `isDown`: it answers nobody at present, so that the next is asked at once. */
export interface ChainLink {
  readonly model: Model;
  readonly isDown: () => boolean;
}

/** What a chain needs beside its models. */
export interface ChainDeps {
  /** One asker at a time for each completion, over all processes on the store; without it two may be paid for the same one. */
  readonly lease?: Store["lease"] | undefined;
  /** Told in one line, once for each endpoint, that another is asked in its place. */
  readonly say: (line: string) => void;
}

/**
 * A model that asks its fallbacks, in order, where its own endpoint gives no answer: a provider's failure after its tries, a refusal of
 * everything (401 …), an endpoint that is down. What is remembered of any of them is used before any is asked. What the item itself is to blame
 * for (content filter, refusal, a context too small at the first) and a spent budget go through as they are. Name, identity, limits and price are
 * the first's. @throws {FailureError} provider, telling of each, when all failed; UsageError when all refused.
 */
export function withFallbacks(first: ChainLink, others: readonly ChainLink[], deps: ChainDeps): Model {
  const links = [first, ...others].map((link) => ({ ...link, refuses: false, told: false }));
  type Link = (typeof links)[number];
  const { model } = first;

  return { ...model, recall, complete, check };

  function recall(request: ChatRequest, options: { readonly sample: number }): Completion | null {
    for (const link of links) {
      const completion = link.model.recall?.(fitting(request, link.model), options) ?? null;
      if (completion !== null) return from(link, completion);
    }
    return null;
  }

  async function complete(
    request: ChatRequest,
    options: { readonly sample: number; readonly signal: AbortSignal },
  ): Promise<Completion> {
    const { sample, signal } = options;
    const known = recall(request, options);
    if (known !== null) return known;
    if (deps.lease === undefined) return await askInTurn(request, options);
    await using _turn = await deps.lease(`chain/${hashOf([model.identity, request, sample])}`, signal);
    // Whoever had the turn before may have been answered, by whichever endpoint.
    return recall(request, options) ?? (await askInTurn(request, options));
  }

  async function askInTurn(request: ChatRequest, options: Parameters<Model["complete"]>[1]): Promise<Completion> {
    const errors: Error[] = [];
    for (const [place, link] of links.entries()) {
      const next = links[place + 1];
      const passedOver = next === undefined ? null : whyNotAsked(link);
      if (passedOver !== null) {
        errors.push(passedOver);
        tell(link, passedOver.message, next);
        continue;
      }
      try {
        const completion = await link.model.complete(fitting(request, link.model), options);
        return from(link, completion);
      } catch (error) {
        if (options.signal.aborted || !isOfEndpoint(error, link)) throw error;
        link.refuses ||= error instanceof UsageError;
        errors.push(error);
        tell(link, error.message, next);
      }
    }
    throw allFailed(errors);
  }

  function from(link: Link, completion: Completion): Completion {
    return link === links[0] ? completion : fallbackServed(link, completion);
  }

  function whyNotAsked(link: Link): Error | null {
    if (link.refuses) return new UsageError("its endpoint refused everything before, so it was not asked");
    return link.isDown() ? new FailureError("provider", "its endpoint is down, so it was not asked") : null;
  }

  /** Whether the endpoint, and not the item, is why there is no answer. A smaller context than the first's is the endpoint's, too. */
  function isOfEndpoint(error: unknown, link: Link): error is Error {
    if (error instanceof UsageError) return true;
    if (error instanceof FailureError) return error.kind === "provider";
    return error instanceof RejectionError && error.code === "context_overflow" && link !== links[0];
  }

  function tell(link: Link, why: string, next: Link | undefined): void {
    if (link.told || next === undefined) return;
    link.told = true;
    deps.say(`${next.model.name} is asked where ${link.model.name} gives no answer; the first time: ${why}`);
  }

  function allFailed(errors: readonly Error[]): Error {
    const each = errors.map(({ message }, place) => `${links[place]?.model.name}: ${message}`).join("; ");
    const message = `Expected an answer for model \`${model.name}\` from one of its ${links.length} endpoints, got none. ${each}`;
    const cause = new AggregateError(errors);
    if (errors.every((error) => error instanceof UsageError)) return new UsageError(message, { cause });
    return new FailureError("provider", message, { cause });
  }

  async function check(signal: AbortSignal): Promise<void> {
    const [own, ...rest] = await Promise.allSettled(links.map((link) => link.model.check(signal)));
    if (own?.status === "rejected") throw own.reason instanceof UsageError ? startsWithout(own.reason) : own.reason;
    for (const [index, one] of rest.entries()) {
      if (one.status === "fulfilled") continue;
      if (!(one.reason instanceof UsageError)) throw one.reason;
      deps.say(`${others[index]?.model.name} would be no help: ${one.reason.message}`);
    }
  }
}

function startsWithout(error: UsageError): UsageError {
  const wayOut =
    "Its fallbacks are asked during a run; to start one without this endpoint, write a fallback in its place.";
  return new UsageError(`${error.message} ${wayOut}`, { cause: error });
}

/** A request as this model can be asked it: no more tokens than its own config allows. */
function fitting(request: ChatRequest, { tokenLimit = null }: Model): ChatRequest {
  if (request.maxTokens === undefined || tokenLimit === null) return request;
  return { ...request, maxTokens: Math.min(request.maxTokens, tokenLimit.most) };
}

function fallbackServed({ model }: ChainLink, completion: Completion): Completion {
  const { endpoint, model: name } = model.identity;
  return { ...completion, servedBy: { endpoint: String(endpoint), model: String(name) } };
}
