import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import type { Case, Place } from "./case.ts";
import { goodConfig } from "./run-case.ts";

const noSandbox = await sandboxMissing();
const noOpenssl = openssl("version") ? null : "no /usr/bin/openssl that could make a certificate";

function openssl(...args: string[]): boolean {
  try {
    execFileSync("/usr/bin/openssl", args, { stdio: "ignore" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The good config with all its models changed alike. */
function modelsWith({ baseUrl }: Pick<Place, "baseUrl">, more: object) {
  const { models } = goodConfig(baseUrl) as { models: Record<string, object> };
  return {
    config: { models: Object.fromEntries(Object.entries(models).map(([alias, one]) => [alias, { ...one, ...more }])) },
  };
}

async function listening(server: ReturnType<typeof createServer>, place: Place): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  place.atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A model that cannot be reached, or will not answer. */
export const endpointCases: readonly Case[] = [
  {
    did: "no variable named for the key of an endpoint elsewhere",
    arrange: () => modelsWith({ baseUrl: "https://models.example/v1" }, {}),
    code: 2,
    what: /got nothing/,
    where: /models\.proposer\.apiKeyEnv.*models\.example/,
    wayOut: /apiKeyEnv: null/,
  },
  {
    did: "a key's variable that is not set",
    arrange: (place) => modelsWith(place, { apiKeyEnv: "TRACEMILL_NO_SUCH_KEY" }),
    code: 2,
    what: /got nothing/,
    where: /`TRACEMILL_NO_SUCH_KEY`.*models\.proposer\.apiKeyEnv/,
    wayOut: /export TRACEMILL_NO_SUCH_KEY=/,
  },
  {
    did: "a key's variable that is empty",
    arrange: (place) => ({ ...modelsWith(place, { apiKeyEnv: "MY_KEY" }), env: { MY_KEY: " " } }),
    code: 2,
    what: /empty/,
    where: /`MY_KEY`.*models\.proposer\.apiKeyEnv/,
    wayOut: /export MY_KEY=/,
  },
  {
    did: "a key with a line break in it",
    arrange: (place) => ({ ...modelsWith(place, { apiKeyEnv: "MY_KEY" }), env: { MY_KEY: "sk-live-12\n34" } }),
    code: 2,
    what: /line breaks/,
    where: /`MY_KEY`/,
    wayOut: /Set it again/,
    never: /sk-live/,
  },
  {
    did: "a fallback whose key's variable is not set",
    arrange: (place) => {
      const fallback = { provider: "openai-compatible", baseUrl: "https://models.example/v1", model: "m" };
      return modelsWith(place, { fallbacks: [{ ...fallback, apiKeyEnv: "TRACEMILL_NO_SUCH_KEY" }] });
    },
    code: 2,
    what: /got nothing/,
    where: /`TRACEMILL_NO_SUCH_KEY`.*models\.proposer\.fallbacks\.0\.apiKeyEnv/,
    wayOut: /export TRACEMILL_NO_SUCH_KEY=/,
  },
  {
    did: "more tries before a fallback than a request has",
    arrange: (place) => modelsWith(place, { fallbackAfter: 9, fallbacks: [{ provider: "offline-teacher" }] }),
    code: 2,
    what: /at most 2.*got `9`/,
    where: /`models\.proposer\.fallbackAfter`/,
    wayOut: /models\.proposer\.maxRetries/,
  },
  {
    did: "an endpoint that is not running",
    arrange: async (place) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      return modelsWith({ ...place, baseUrl: `http://127.0.0.1:${port}/v1` }, {});
    },
    code: 2,
    what: /ECONNREFUSED/,
    where: /http:\/\/127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /Check that it runs/,
  },
  {
    did: "a host that does not exist",
    arrange: () => modelsWith({ baseUrl: "http://no-such-host.invalid/v1" }, { apiKeyEnv: null }),
    code: 2,
    what: /no-such-host\.invalid/,
    where: /`proposer`/,
    wayOut: /spelt/,
  },
  {
    did: "an endpoint that answers a web page",
    arrange: () => ({}),
    endpoint: { models: { status: 200, body: "<!DOCTYPE html><html>Welcome</html>", contentType: "text/html" } },
    code: 2,
    what: /web page/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /often ends in \/v1/,
  },
  {
    did: "a key that the endpoint refuses (401)",
    arrange: (place) => ({ ...modelsWith(place, { apiKeyEnv: "MY_KEY" }), env: { MY_KEY: "sk-live-1234567890" } }),
    endpoint: { apiKey: "another" },
    code: 2,
    what: /401/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /check the key in `MY_KEY`/,
    never: /sk-live/,
  },
  {
    did: "a key that may not use the endpoint (403)",
    arrange: () => ({}),
    endpoint: { models: { status: 403, body: '{"error":{"message":"Project archived"}}' } },
    code: 2,
    what: /403 Project archived/,
    where: /127\.0\.0\.1:8000\/v1/,
    wayOut: /apiKeyEnv/,
  },
  {
    did: "an endpoint that sends on elsewhere (a redirect)",
    arrange: async (place) => {
      const server = createServer((request, response) =>
        response.writeHead(301, { location: `https://models.example${request.url}` }).end(),
      );
      return modelsWith({ baseUrl: `http://127.0.0.1:${await listening(server, place)}/v1` }, {});
    },
    code: 2,
    what: /redirect/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /baseUrl: https:\/\/models\.example\/v1/,
  },
  {
    did: "a certificate that is not trusted",
    arrange: async (place) => {
      const [key, cert] = [join(place.folder, "key.pem"), join(place.folder, "cert.pem")];
      openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        key,
        "-out",
        cert,
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
      );
      const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
      return modelsWith({ baseUrl: `https://localhost:${await listening(server, place)}/v1` }, {});
    },
    code: 2,
    what: /self-signed certificate/,
    where: /https:\/\/localhost:8000\/v1.*`proposer`/,
    wayOut: /NODE_EXTRA_CA_CERTS/,
    lacks: noOpenssl,
  },
  {
    did: "http:// where the endpoint speaks https://",
    arrange: async (place) => {
      const server = createTlsServer({});
      return modelsWith({ baseUrl: `http://localhost:${await listening(server, place)}/v1` }, {});
    },
    code: 2,
    what: /closed the connection|other side closed|hang up|ECONNRESET/,
    where: /http:\/\/localhost:8000\/v1/,
    wayOut: /https:\/\//,
  },
  {
    did: "https:// where the endpoint speaks http://",
    arrange: ({ baseUrl }) => modelsWith({ baseUrl: baseUrl.replace("http:", "https:") }, {}),
    code: 2,
    what: /speaks plain HTTP|wrong version number|packet length/,
    where: /https:\/\/127\.0\.0\.1:8000\/v1/,
    wayOut: /http:\/\//,
  },
  {
    did: "a model that does not exist",
    arrange: (place) => modelsWith(place, { model: "gpt-4o-minni" }),
    endpoint: {
      models: { status: 200, body: '{"data":[{"id":"gpt-4o"},{"id":"gpt-4o-mini"}]}' },
      faults: ({ model }) => ({
        kind: "status",
        status: 404,
        body: { error: { message: `The model \`${model}\` does not exist` } },
      }),
    },
    code: 2,
    what: /404 The model `gpt-4o-minni` does not exist/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /Did you mean `gpt-4o-mini`/,
    shownBy: "the first request",
    lacks: noSandbox,
  },
  {
    did: "a form of JSON that the endpoint's family does not have",
    arrange: (place) => modelsWith(place, { family: "deepseek", structuredOutput: "json_schema" }),
    code: 2,
    what: /got `json_schema`/,
    where: /`models\.proposer\.structuredOutput`.*`family: deepseek`/,
    wayOut: /`structuredOutput: json_object`.*`family: other`/,
  },
  {
    did: "a seed for a family that takes none",
    arrange: (place) => modelsWith(place, { family: "anthropic", sendsSeed: true }),
    code: 2,
    what: /got `true`/,
    where: /`models\.proposer\.sendsSeed`.*`family: anthropic`/,
    wayOut: /Leave it out/,
  },
  {
    did: "a token limit that may be raised to less than it is",
    arrange: (place) => modelsWith(place, { maxTokens: 4096, maxTokensMost: 1024 }),
    code: 2,
    what: /got `1024` and `4096`/,
    where: /`models\.proposer\.maxTokensMost`/,
    wayOut: /Raise it, or leave it out/,
  },
  {
    did: "a parameter that the model refuses",
    arrange: (place) => modelsWith(place, { maxTokens: 4096 }),
    endpoint: {
      faults: () => ({
        kind: "status",
        status: 400,
        body: {
          error: {
            message:
              "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            code: "unsupported_parameter",
          },
        },
      }),
    },
    code: 2,
    what: /400 Unsupported parameter: 'max_tokens'/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /`maxTokensField: max_completion_tokens`/,
    shownBy: "the first request",
    lacks: noSandbox,
  },
  {
    did: "an account without credit",
    arrange: () => ({}),
    endpoint: { faults: () => ({ kind: "status", status: 402, body: { error: { message: "Insufficient credits" } } }) },
    code: 2,
    what: /402 Insufficient credits/,
    where: /127\.0\.0\.1:8000\/v1.*`proposer`/,
    wayOut: /add some/,
    shownBy: "the first request",
    lacks: noSandbox,
  },
  {
    did: "two models at one endpoint with different limits",
    arrange: (place) => {
      const { config } = modelsWith(place, {});
      const models = config.models as Record<string, object>;
      return {
        config: {
          models: {
            ...models,
            teacher: { ...models.teacher, concurrency: 4 },
            judge: { ...models.judge, concurrency: 8 },
          },
        },
      };
    },
    code: 2,
    what: /`4` and `8`/,
    where: /`teacher` and `judge`.*`concurrency`/,
    wayOut: /state it once/,
  },
];
