// The metrics of a run: those of the GenAI semantic conventions (v1.41), and what only a run has, under `tracemill.`.
import type { Attributes, Meter } from "@opentelemetry/api";
import type { Completion } from "../contracts.ts";
import type { FunnelRow } from "../domain/run.ts";

// The conventions' own boundaries.
const tokenBoundaries = Array.from({ length: 14 }, (_, power) => 4 ** power);
const secondBoundaries = Array.from({ length: 14 }, (_, power) => 0.01 * 2 ** power);

/** Duration and tokens of chats that an endpoint answered or did not. `received` leaves estimated tokens out. */
export function chatMetrics(meter: Meter) {
  const duration = meter.createHistogram("gen_ai.client.operation.duration", {
    unit: "s",
    description: "GenAI operation duration.",
    advice: { explicitBucketBoundaries: secondBoundaries },
  });
  const tokens = meter.createHistogram("gen_ai.client.token.usage", {
    unit: "{token}",
    description: "Number of input and output tokens used.",
    advice: { explicitBucketBoundaries: tokenBoundaries },
  });
  return {
    received(attributes: Attributes, usage: Completion["usage"], seconds: number): void {
      duration.record(seconds, attributes);
      if (usage.estimated) return;
      tokens.record(usage.inputTokens, { ...attributes, "gen_ai.token.type": "input" });
      tokens.record(usage.outputTokens, { ...attributes, "gen_ai.token.type": "output" });
    },
    failed(attributes: Attributes, seconds: number): void {
      duration.record(seconds, attributes);
    },
  };
}

/** What is counted of a run elsewhere, read whenever metrics are collected. */
export interface RunCounts {
  readonly rows: () => readonly FunnelRow[];
  readonly requests: () => Readonly<
    Record<string, { readonly sent: number; readonly failed: number; readonly remembered: number }>
  >;
  readonly sandboxesOpen: () => number;
}

/** Observes a run's counts: items by stage and outcome, requests by alias and outcome, sandboxes open. */
export function observeRun(meter: Meter, counts: RunCounts): void {
  meter
    .createObservableCounter("tracemill.items", { unit: "{item}", description: "Items that ended in a stage." })
    .addCallback((result) => {
      for (const { stage, ...row } of counts.rows()) {
        for (const outcome of ["passed", "rejected", "failed"] as const) {
          result.observe(row[outcome], { "tracemill.stage": stage, "tracemill.outcome": outcome });
        }
      }
    });
  meter
    .createObservableUpDownCounter("tracemill.items.pending", { unit: "{item}", description: "Items in a stage." })
    .addCallback((result) => {
      for (const { stage, pending } of counts.rows()) result.observe(pending, { "tracemill.stage": stage });
    });
  meter
    .createObservableCounter("tracemill.requests", {
      unit: "{request}",
      description: "Requests by what became of them.",
    })
    .addCallback((result) => {
      for (const [alias, tally] of Object.entries(counts.requests())) {
        for (const outcome of ["sent", "failed", "remembered"] as const) {
          result.observe(tally[outcome], { "tracemill.model.alias": alias, "tracemill.outcome": outcome });
        }
      }
    });
  meter
    .createObservableUpDownCounter("tracemill.sandboxes.open", {
      unit: "{sandbox}",
      description: "Sandboxes open now.",
    })
    .addCallback((result) => result.observe(counts.sandboxesOpen()));
}
