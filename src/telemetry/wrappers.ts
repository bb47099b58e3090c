// Wrappers of what does a run's work, which write the log and the spans. What is wrapped knows nothing of it.
import type { AsyncLocalStorage } from "node:async_hooks";
import type { Completion, Log, Model, Sandbox, SandboxBackend, Session } from "../contracts.ts";
import { FailureError, RejectionError, whatBroke } from "../domain/errors.ts";
import type { Executor } from "../engine/executor.ts";
import type { Identified, Step } from "../engine/stage.ts";
import type { AgentSpan, ChatSpan, ItemSpan, Parent, Spans } from "./spans.ts";

/** What a session is opened for; `agent` where an agent works in it. */
export interface SessionRequest {
  readonly attempt: string;
  readonly agent?: { readonly name: string; readonly model: string };
}

/** Where in a run something happens. */
export interface Place {
  readonly stage: string;
  readonly item: string;
  readonly span: ItemSpan | undefined;
  agent: AgentSpan | undefined;
  readonly chat: ChatSpan | undefined;
}

const nowhere: Place = { stage: "", item: "", span: undefined, agent: undefined, chat: undefined };

export interface Wrappers {
  executor(inner: Executor): Executor;
  model(inner: Model): Model;
  backend(inner: SandboxBackend): SandboxBackend;
  openSession<Request extends SessionRequest>(open: (request: Request) => Session): (request: Request) => Session;
  readonly sandboxesOpen: () => number;
}

/**
 * `places` holds where the code that runs belongs: the executor's wrapper sets it, the others read it. `foundKey` is told where a key of the
 * run stands in training data.
 */
export function createWrappers(options: {
  readonly log: Log;
  readonly spans: Spans | undefined;
  readonly places: AsyncLocalStorage<Place>;
  readonly now: () => number;
  readonly holdsKey: (text: string) => boolean;
  readonly foundKey: (where: string) => void;
}): Wrappers {
  const { log, spans, places, now } = options;
  let sandboxesOpen = 0;

  function lookForKeys(where: string, texts: readonly (string | null)[]): void {
    if (texts.some((text) => text !== null && options.holdsKey(text))) options.foundKey(where);
  }

  function parentOf(place: Place | undefined): Parent | undefined {
    return place?.agent ?? place?.span ?? spans?.run;
  }

  function ended<Out>(span: ItemSpan | undefined, step: Step<Out>): Step<Out> {
    if (step.outcome === "passed") span?.passed(step.out.length);
    else dropped(span, step.code, step.message);
    return step;
  }

  function dropped(span: ItemSpan | undefined, code: string, message: string): void {
    log.write("debug", "Item rejected", { code, reason: message });
    span?.rejected(code);
  }

  function threw(span: ItemSpan | undefined, error: unknown, signal: AbortSignal): never {
    if (error instanceof RejectionError) dropped(span, error.code, error.message);
    else if (error instanceof FailureError && !signal.aborted) {
      log.write("error", "Item failed: it is owed", { broke: whatBroke(error), reason: error.message });
      span?.failed(error);
    } else span?.stopped();
    throw error;
  }

  return {
    sandboxesOpen: () => sandboxesOpen,

    executor: (inner) => ({
      ...inner,
      run<In extends Identified, Out extends Identified>(
        stage: Parameters<typeof inner.run<In, Out>>[0],
        body: In,
        context: Parameters<typeof inner.run<In, Out>>[2],
      ) {
        const span = spans?.item(stage.name, body.id);
        const place: Place = { stage: stage.name, item: body.id, span, agent: undefined, chat: undefined };
        return places.run(place, () => {
          try {
            const step = inner.run(stage, body, context);
            if (!(step instanceof Promise)) return ended(span, step);
            return step.then(
              (value) => ended(span, value),
              (error: unknown) => threw(span, error, context.signal),
            );
          } catch (error) {
            return threw(span, error, context.signal);
          }
        });
      },
    }),

    model: (inner) => ({
      ...inner,
      async complete(request, settings): Promise<Completion> {
        const place = places.getStore();
        const parent = parentOf(place);
        const chat = parent === undefined ? undefined : spans?.chat(parent, inner, request);
        const beganMs = now();
        const ask = () => inner.complete(request, settings);
        try {
          const completion = await (chat === undefined ? ask() : places.run({ ...nowhere, ...place, chat }, ask));
          const { key, remembered, finishReason, usage, text, reasoning, servedBy } = completion;
          chat?.received(completion);
          log.write("debug", "Completion", {
            alias: inner.name,
            key,
            remembered,
            ms: now() - beganMs,
            finishReason,
            usage,
            ...(servedBy === undefined ? {} : { servedBy }),
          });
          lookForKeys(`what model \`${inner.name}\` answered`, [text, reasoning]);
          return completion;
        } catch (error) {
          chat?.broke(error);
          if (error instanceof FailureError) place?.agent?.failed(error);
          throw error;
        }
      },
    }),

    backend: (inner) => ({
      ...inner,
      async open(request): Promise<Sandbox> {
        const beganMs = now();
        try {
          const sandbox = await inner.open(request);
          sandboxesOpen += 1;
          let counted = true;
          log.write("debug", "Sandbox opened", { label: request.label, ms: now() - beganMs });
          return {
            ...sandbox,
            async [Symbol.asyncDispose]() {
              if (counted) sandboxesOpen -= 1;
              counted = false;
              await sandbox[Symbol.asyncDispose]();
            },
          };
        } catch (error) {
          const level = request.signal.aborted ? "debug" : "warn";
          log.write(level, "Sandbox did not open", { label: request.label, ms: now() - beganMs, error });
          throw error;
        }
      },
    }),

    openSession: (open) => (request) => {
      const place = places.getStore();
      const above = place?.span ?? spans?.run;
      const { agent: worker, attempt } = request;
      const agent =
        worker === undefined || above === undefined ? undefined : spans?.agent(above, { ...worker, id: attempt });
      if (place !== undefined) place.agent = agent;
      const session = open(request);
      let steps = 0;
      return {
        ...session,
        async run(code, settings) {
          const parent = agent ?? above;
          const tool = parent === undefined ? undefined : spans?.tool(parent, code);
          steps += 1;
          try {
            const step = await session.run(code, settings);
            tool?.received(step);
            const { result, remembered, diverged } = step;
            const { end, stateLost, exception } = result;
            log.write("debug", "Step", {
              session: attempt,
              end,
              remembered,
              diverged,
              wallMs: Math.round(result.wallMs),
              cpuMs: Math.round(result.cpuMs),
              stateLost,
              exception: exception?.name,
            });
            if (log.takes("trace")) log.write("trace", "Step's texts", { session: attempt, code, result });
            const { stdout, stderr } = result;
            lookForKeys("what code printed in a sandbox", [stdout.head, stdout.tail, stderr.head, stderr.tail]);
            return step;
          } catch (error) {
            tool?.broke(error);
            if (error instanceof FailureError) agent?.failed(error);
            throw error;
          }
        },
        async collect(path, settings) {
          try {
            const file = await session.collect(path, settings);
            log.write("debug", "File taken out", { session: attempt, ...file });
            return file;
          } catch (error) {
            if (error instanceof FailureError) agent?.failed(error);
            throw error;
          }
        },
        async [Symbol.asyncDispose]() {
          agent?.end({ steps });
          if (place !== undefined) place.agent = undefined;
          await session[Symbol.asyncDispose]();
        },
      };
    },
  };
}
