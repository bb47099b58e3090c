import { expect, test } from "vitest";
import { readOtelSettings } from "../../src/telemetry/otel-settings.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test.each([
  ["nothing is named", {}],
  ["only other variables are set", { OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }],
  ["the address is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
  ["the SDK is disabled", { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }],
  ["no exporter is wanted", { ...endpoint, OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" }],
])("OpenTelemetry stays off where %s", (_why, env) => {
  expect(readOtelSettings(env)).toBeNull();
});

test("an endpoint means traces and metrics by protobuf, without content", () => {
  expect(readOtelSettings(endpoint)).toMatchObject({
    ...{ traces: "http/protobuf", metrics: "http/protobuf", itemRatio: null, content: false },
  });
});

test("a signal's own variables come before those of both", () => {
  expect(
    readOtelSettings({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "https://collector.example/v1/metrics",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
    }),
  ).toMatchObject({ traces: null, metrics: "http/json" });
});

test.each([
  ["grpc", { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /gRPC is not supported/],
  [
    "an address without scheme",
    { OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret@host" },
    /OTEL_EXPORTER_OTLP_ENDPOINT.*not shown/,
  ],
  [
    "a ratio above 1",
    { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "40" },
    /from 0 to 1/,
  ],
])("%s is refused with the way out", (_what, env, words) => {
  expect(() => readOtelSettings(env)).toThrow(words);
});
