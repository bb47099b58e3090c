import { UsageError } from "../domain/errors.ts";

/** What the environment asks of OpenTelemetry. The exporters read addresses and headers themselves. */
export interface OtelSettings {
  readonly traces: OtlpProtocol | null;
  readonly metrics: OtlpProtocol | null;
  /** The share of items with spans of their own, by their ids; null where another sampler was named, or none. */
  readonly itemRatio: number | null;
  /** What was asked and answered goes on the spans. */
  readonly content: boolean;
  /** Longest time of one export, in milliseconds. */
  readonly exportTimeoutMs: number;
  /** Milliseconds between two exports of metrics. */
  readonly metricIntervalMs: number;
}

export type OtlpProtocol = "http/json" | "http/protobuf";

type Env = Readonly<Record<string, string | undefined>>;

const usualExportTimeoutMs = 5_000;
const longestExportTimeoutMs = 10_000;
const usualMetricIntervalMs = 60_000;

/** Null unless an OTLP endpoint is named: then nothing of OpenTelemetry is loaded. @throws {UsageError} for what cannot be done as asked. */
export function readOtelSettings(env: Env): OtelSettings | null {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true") return null;
  const traces = protocolOf("TRACES", env);
  const metrics = protocolOf("METRICS", env);
  if (traces === null && metrics === null) return null;
  return {
    traces,
    metrics,
    itemRatio: ratioOf(env),
    content: /^(true|span_only|span_and_event)$/i.test(env.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT ?? ""),
    exportTimeoutMs: Math.min(longestExportTimeoutMs, positive(env.OTEL_EXPORTER_OTLP_TIMEOUT) ?? usualExportTimeoutMs),
    metricIntervalMs: positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? usualMetricIntervalMs,
  };
}

function positive(text: string | undefined): number | null {
  const number = Number(text);
  return number > 0 && Number.isFinite(number) ? number : null;
}

function protocolOf(signal: "TRACES" | "METRICS", env: Env): OtlpProtocol | null {
  const own = `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
  const variable = env[own] ? own : "OTEL_EXPORTER_OTLP_ENDPOINT";
  const address = env[variable]?.trim() ?? "";
  if (address === "" || env[`OTEL_${signal}_EXPORTER`]?.trim() === "none") return null;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new UsageError(
      `Expected ${variable} to be an http or https URL, got something else (not shown). Mend it or unset it.`,
    );
  }
  const protocol =
    env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] || env.OTEL_EXPORTER_OTLP_PROTOCOL || ("http/protobuf" as const);
  if (protocol === "http/json" || protocol === "http/protobuf") return protocol;
  throw new UsageError(
    `Expected OTEL_EXPORTER_OTLP_PROTOCOL to be http/protobuf or http/json, got \`${protocol}\`. ` +
      "Collectors take these on port 4318; gRPC is not supported.",
  );
}

function ratioOf(env: Env): number | null {
  if (!/^(parentbased_)?traceidratio$/.test(env.OTEL_TRACES_SAMPLER?.trim() ?? "")) return null;
  const asked = env.OTEL_TRACES_SAMPLER_ARG?.trim() ?? "";
  const ratio = asked === "" ? 1 : Number(asked);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new UsageError(`Expected OTEL_TRACES_SAMPLER_ARG to be a number from 0 to 1, got \`${asked}\``);
}
