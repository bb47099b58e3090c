// OpenTelemetry as this process uses it. Imported only where an endpoint is named: 150 ms and 20 MB that nobody else pays.
import {
  createNoopMeter,
  DiagLogLevel,
  diag,
  type Meter,
  ProxyTracerProvider,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPMetricExporter as JsonMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider, type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-node";
import { sha256 } from "../domain/hash.ts";
import { packageVersion } from "../package.ts";
import { observeRun, type RunCounts } from "./metrics.ts";
import type { OtelSettings } from "./otel-settings.ts";
import { createSpans, itemIdAttribute, type Spans } from "./spans.ts";

export interface Otel {
  readonly spans: Spans;
  observe(counts: RunCounts): void;
  /** Sends what is left, for `flushMs` at most. False when not everything arrived in that time. */
  close(flushMs: number): Promise<boolean>;
}

/** Opens tracer and meter as the environment says. `trouble` hears what the exporters complain of. Registers nothing globally but that. */
export function openOtel(options: {
  readonly settings: OtelSettings;
  readonly recipe: string;
  readonly cut: (text: string) => string;
  readonly trouble: (message: string) => void;
  readonly now: () => number;
}): Otel {
  const { settings, trouble } = options;
  const complain = (...parts: readonly unknown[]) => trouble(parts.map((part) => said(String(part))).join(" "));
  const silent = () => {};
  diag.setLogger(
    { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const resource = defaultResource()
    .merge(resourceFromAttributes({ "service.name": "tracemill", "service.version": packageVersion() }))
    .merge(detectResources({ detectors: [envDetector] }));
  const timeoutMillis = settings.exportTimeoutMs;
  const closing: (() => Promise<void>)[] = [];

  let tracer: Tracer = new ProxyTracerProvider().getTracer("tracemill");
  if (settings.traces !== null) {
    const Exporter = settings.traces === "http/json" ? JsonTraceExporter : ProtobufTraceExporter;
    const provider = new NodeTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(new Exporter({ timeoutMillis }))],
      ...(settings.itemRatio === null ? {} : { sampler: itemSampler(settings.itemRatio) }),
    });
    tracer = provider.getTracer("tracemill", packageVersion());
    closing.push(() => provider.shutdown());
  }
  let meter: Meter = createNoopMeter();
  if (settings.metrics !== null) {
    const Exporter = settings.metrics === "http/json" ? JsonMetricExporter : ProtobufMetricExporter;
    const provider = new MeterProvider({
      resource,
      readers: [
        new PeriodicExportingMetricReader({
          exporter: new Exporter({ timeoutMillis }),
          exportIntervalMillis: settings.metricIntervalMs,
          exportTimeoutMillis: Math.min(settings.metricIntervalMs, timeoutMillis),
        }),
      ],
    });
    meter = provider.getMeter("tracemill", packageVersion());
    closing.push(() => provider.shutdown());
  }

  return {
    spans: createSpans({ ...options, tracer, meter, content: settings.content }),
    observe: (counts) => observeRun(meter, counts),
    async close(flushMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), flushMs);
      });
      const sent = Promise.allSettled(closing.map((close) => close())).then((ends) => {
        const broken = ends.filter((end) => end.status === "rejected");
        for (const { reason } of broken) trouble(String(reason));
        return broken.length === 0;
      });
      const arrived = await Promise.race([sent, late]);
      clearTimeout(timer);
      return arrived;
    },
  };
}

/** An exception as the SDK writes it, a JSON of its parts, as what it says. */
function said(text: string): string {
  return text.startsWith("{") ? (/"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text) : text;
}

/**
 * A ratio of items instead of traces: a run is one trace, which a ratio would keep or drop whole. The same items every time, by their ids;
 * what an item does goes with it, and the run's own span is always kept.
 */
function itemSampler(ratio: number): Sampler {
  const decide = (sampled: boolean) => ({
    decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  });
  return {
    shouldSample(context, _traceId, _name, _kind, attributes) {
      const item = attributes[itemIdAttribute];
      if (typeof item === "string") return decide(Number.parseInt(sha256(item).slice(0, 8), 16) / 2 ** 32 < ratio);
      const parent = trace.getSpanContext(context);
      return decide(parent === undefined || (parent.traceFlags & 1) === 1);
    },
    toString: () => `ItemRatio{${ratio}}`,
  };
}
