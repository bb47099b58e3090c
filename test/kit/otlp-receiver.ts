// An OTLP/HTTP collector on loopback that keeps what it is sent and decodes what is JSON.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parent: string | null;
  /** 1 internal, 3 client. */
  readonly kind: number;
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
}

export interface ReceivedPoint {
  readonly metric: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The sum, or of a histogram how many values were recorded. */
  readonly value: number;
}

export interface OtlpReceiver extends AsyncDisposable {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT takes. */
  readonly url: string;
  readonly requests: readonly {
    readonly path: string;
    readonly headers: Record<string, unknown>;
    readonly body: Buffer;
  }[];
  spans(): ReceivedSpan[];
  /** Every point of the last export of metrics. */
  points(): ReceivedPoint[];
  resource(): Readonly<Record<string, unknown>>;
}

interface KeyValue {
  key: string;
  value: { arrayValue?: { values: KeyValue["value"][] }; [kind: string]: unknown };
}

/** Starts it; `silent` takes connections and never answers. */
export async function startOtlpReceiver({ silent = false }: { silent?: boolean } = {}): Promise<OtlpReceiver> {
  const requests: { path: string; headers: Record<string, unknown>; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) });
      if (silent) return;
      const json = request.headers["content-type"] === "application/json";
      response.writeHead(200, { "content-type": request.headers["content-type"] }).end(json ? "{}" : "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON as it comes
  const bodies = (path: string): any[] =>
    requests.filter((request) => request.path === path).map(({ body }) => JSON.parse(body.toString("utf8")));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans: () =>
      bodies("/v1/traces")
        .flatMap((body) => body.resourceSpans)
        .flatMap((one) => one.scopeSpans)
        .flatMap((one) => one.spans)
        .map((span) => ({
          name: span.name,
          spanId: span.spanId,
          parent: span.parentSpanId || null,
          kind: span.kind,
          status: span.status?.code ?? 0,
          attributes: record(span.attributes),
          events: (span.events ?? []).map((event: { name: string }) => event.name),
        })),
    points: () =>
      (bodies("/v1/metrics").at(-1)?.resourceMetrics ?? [])
        // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON as it comes
        .flatMap((one: any) => one.scopeMetrics)
        // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON as it comes
        .flatMap((one: any) => one.metrics)
        // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON as it comes
        .flatMap((metric: any) =>
          // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON as it comes
          (metric.histogram ?? metric.sum).dataPoints.map((point: any) => ({
            metric: metric.name,
            unit: metric.unit,
            attributes: record(point.attributes),
            value: Number(point.count ?? point.asDouble ?? point.asInt),
          })),
        ),
    resource: () => record(bodies("/v1/traces")[0]?.resourceSpans[0].resource.attributes ?? []),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function record(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: KeyValue["value"]): unknown {
  return value.arrayValue === undefined ? Object.values(value)[0] : value.arrayValue.values.map(plain);
}
