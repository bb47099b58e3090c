// The spans of a run and what they say, in the names of the GenAI semantic conventions (v1.41); our own begin with `tracemill.`.
import {
  type Attributes,
  type Context,
  type Meter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { ChatRequest, Completion, Model } from "../contracts.ts";
import { FailureError, RejectionError, whatBroke } from "../domain/errors.ts";
import type { StepResult } from "../domain/trajectory.ts";
import { partsOf, samplingOf, serverOf } from "./genai.ts";
import { chatMetrics } from "./metrics.ts";

export const itemIdAttribute = "tracemill.item.id";

/** What spans can be put below. */
export interface Parent {
  readonly context: Context;
}

export interface ItemSpan extends Parent {
  passed(out: number): void;
  rejected(code: string): void;
  failed(error: FailureError): void;
  /** The run was stopped, or broke. */
  stopped(): void;
}

/** The work of one agent in one session. */
export interface AgentSpan extends Parent {
  failed(error: FailureError): void;
  end(counts: { readonly steps: number }): void;
}

export interface ChatSpan {
  asks(baseUrl: string, payload: Readonly<Record<string, unknown>>): void;
  retries(reason: string, waitMs: number): void;
  received(completion: Completion): void;
  broke(error: unknown): void;
}

export interface ToolSpan {
  received(step: { readonly result: StepResult; readonly remembered: boolean; readonly diverged: boolean }): void;
  broke(error: unknown): void;
}

export interface Spans {
  /** The whole run, above everything. */
  readonly run: Parent & { about(attributes: Attributes): void; end(status: string, broke: boolean): void };
  item(stage: string, id: string): ItemSpan;
  agent(parent: Parent, agent: { readonly name: string; readonly id: string; readonly model: string }): AgentSpan;
  chat(parent: Parent, model: Model, request: ChatRequest): ChatSpan;
  tool(parent: Parent, code: string): ToolSpan;
}

/** What all spans of a model's calls say of it: the flavour of its API, not who runs it. */
const provider = { "gen_ai.provider.name": "openai" };

/** Spans of a run of `recipe` over a tracer, and the metrics of its chats over a meter. `cut` takes the secrets out of a text. */
export function createSpans(options: {
  readonly tracer: Tracer;
  readonly meter: Meter;
  readonly recipe: string;
  readonly content: boolean;
  readonly cut: (text: string) => string;
  readonly now: () => number;
}): Spans {
  const { tracer, recipe, content, cut, now } = options;
  const metrics = chatMetrics(options.meter);

  function open(name: string, kind: SpanKind, attributes: Attributes, parent: Context) {
    const span = tracer.startSpan(cut(name), { kind, attributes: clean(attributes) }, parent);
    return {
      context: trace.setSpan(parent, span),
      set: (more: Attributes) => void span.setAttributes(clean(more)),
      event: (event: string, more: Attributes) => void span.addEvent(event, clean(more)),
      fail(type: string, message: string) {
        span.setAttribute("error.type", type);
        span.setStatus({ code: SpanStatusCode.ERROR, message: cut(message) });
      },
      end: () => span.end(),
      isRecording: () => span.isRecording(),
    };
  }

  function clean(attributes: Attributes): Attributes {
    return Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, typeof value === "string" ? cut(value) : value]),
    );
  }

  const run = open(
    `invoke_workflow ${recipe}`,
    SpanKind.INTERNAL,
    { "gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": recipe },
    ROOT_CONTEXT,
  );

  return {
    run: {
      context: run.context,
      about: run.set,
      end(status, broke) {
        run.set({ "tracemill.run.status": status });
        if (broke) run.fail(status, `The run ended as ${status}`);
        run.end();
      },
    },

    item(stage, id) {
      const span = open(stage, SpanKind.INTERNAL, { "tracemill.stage": stage, [itemIdAttribute]: id }, run.context);
      const end = (outcome: string, more: Attributes = {}) => {
        span.set({ "tracemill.outcome": outcome, ...more });
        span.end();
      };
      return {
        context: span.context,
        passed: (out) => end("passed", { "tracemill.out": out }),
        rejected: (code) => end("rejected", { "tracemill.rejection.code": code }),
        failed(error) {
          span.fail(error.kind, error.message);
          end("failed");
        },
        stopped: () => end("pending"),
      };
    },

    agent(parent, { name, id, model }) {
      const span = open(
        `invoke_agent ${name}`,
        SpanKind.INTERNAL,
        {
          "gen_ai.operation.name": "invoke_agent",
          ...provider,
          "gen_ai.agent.name": name,
          "gen_ai.conversation.id": id,
          "gen_ai.request.model": model,
        },
        parent.context,
      );
      return {
        context: span.context,
        failed: (error) => span.fail(error.kind, error.message),
        end({ steps }) {
          span.set({ "tracemill.steps": steps });
          span.end();
        },
      };
    },

    chat(parent, model, request) {
      const modelName = String(model.identity.model);
      const named = { "gen_ai.operation.name": "chat", ...provider, "gen_ai.request.model": modelName };
      const span = open(
        `chat ${modelName}`,
        SpanKind.CLIENT,
        { ...named, ...samplingOf(model, request), "tracemill.model.alias": model.name },
        parent.context,
      );
      if (content && span.isRecording()) {
        span.set({
          "gen_ai.input.messages": JSON.stringify(
            request.messages.map(({ role, content: text }) => partsOf(role, text)),
          ),
        });
      }
      const beganMs = now();
      let server: Attributes = {};
      let retries = 0;
      const end = () => {
        if (retries > 0) span.set({ "tracemill.retries": retries });
        span.end();
      };
      return {
        asks(baseUrl, payload) {
          server = serverOf(baseUrl);
          span.set(typeof payload.seed === "number" ? { ...server, "gen_ai.request.seed": payload.seed } : server);
        },
        retries(reason, waitMs) {
          retries += 1;
          span.event("tracemill.retry", {
            "tracemill.retry.reason": reason,
            "tracemill.retry.wait_ms": Math.round(waitMs),
          });
        },
        received(completion) {
          const { text, finishReason, remembered, key, usage } = completion;
          span.set({
            "gen_ai.response.finish_reasons": [finishReason],
            "tracemill.remembered": remembered,
            "tracemill.completion.key": key,
            // An estimate is not what the convention means by usage.
            ...(usage.estimated
              ? {}
              : {
                  "gen_ai.usage.input_tokens": usage.inputTokens,
                  "gen_ai.usage.output_tokens": usage.outputTokens,
                  "gen_ai.usage.cache_read.input_tokens": usage.cachedInputTokens,
                  "gen_ai.usage.reasoning.output_tokens": usage.reasoningTokens,
                }),
          });
          if (content && span.isRecording()) {
            const message = { ...partsOf("assistant", text), finish_reason: finishReason };
            span.set({ "gen_ai.output.messages": JSON.stringify([message]) });
          }
          if (!remembered) metrics.received({ ...named, ...server }, usage, (now() - beganMs) / 1000);
          end();
        },
        broke(error) {
          if (error instanceof RejectionError) span.set({ "tracemill.rejection.code": error.code });
          else if (error instanceof Error) span.fail(errorTypeOf(error), error.message);
          if (error instanceof FailureError) {
            metrics.failed({ ...named, ...server, "error.type": error.kind }, (now() - beganMs) / 1000);
          }
          end();
        },
      };
    },

    tool(parent, code) {
      const span = open(
        "execute_tool python",
        SpanKind.INTERNAL,
        { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "python", "gen_ai.tool.type": "function" },
        parent.context,
      );
      const shows = content && span.isRecording();
      if (shows) span.set({ "gen_ai.tool.call.arguments": JSON.stringify({ code }) });
      return {
        received({ result, remembered, diverged }) {
          span.set({
            "tracemill.remembered": remembered,
            "tracemill.diverged": diverged,
            "tracemill.step.end": result.end,
            "tracemill.step.wall_ms": result.wallMs,
            "tracemill.step.cpu_ms": result.cpuMs,
          });
          if (shows) {
            const { stdout, stderr, result: value, exception } = result;
            span.set({ "gen_ai.tool.call.result": JSON.stringify({ stdout, stderr, result: value, exception }) });
          }
          span.end();
        },
        broke(error) {
          if (error instanceof Error) span.fail(errorTypeOf(error), error.message);
          span.end();
        },
      };
    },
  };
}

function errorTypeOf(error: Error): string {
  return error instanceof FailureError ? whatBroke(error) : error.name;
}
