import type { ChatRequest, Model, SentRequest, Spend } from "../contracts.ts";
import { FailureError, RejectionError, UsageError } from "../domain/errors.ts";
import { createSecrets } from "../domain/secrets.ts";
import type { Usage } from "../domain/trajectory.ts";
import { type Answer, answer, completionVersion } from "./answer.ts";
import { checkEndpoint } from "./check.ts";
import { type OpenAiCompatibleConfig, openAiCompatibleOptions } from "./openai-compatible-options.ts";
import type { OpenedModel, Provider, ProviderDeps } from "./provider.ts";
import { longestWaitMs, retry, TransientError, wait } from "./retry.ts";
import { createTransport } from "./transport.ts";

/** Models behind any endpoint that speaks OpenAI's chat completions. */
export const openAiCompatible: Provider<typeof openAiCompatibleOptions> = {
  name: "openai-compatible",
  about: "any endpoint that speaks OpenAI's chat completions",
  schema: openAiCompatibleOptions,
  async create(alias, config, deps): Promise<OpenedModel> {
    return { model: await createModel(alias, config, deps), close: async () => {} };
  },
};

async function createModel(alias: string, config: OpenAiCompatibleConfig, deps: ProviderDeps): Promise<Model> {
  const { now = Date.now, random = Math.random, sleep = wait } = deps;
  const key = readKey(alias, config, deps.env);
  const { baseUrl } = config;
  const cut = cutter(key, deps);
  const admission = deps.admissions.of({ baseUrl, key }, alias, config);
  let listed: readonly string[] = [];
  const keyFrom = key === null ? null : (config.apiKeyEnv ?? null);
  const asked = { alias, baseUrl, model: config.model, keyFrom, listed: () => listed };
  const transport = await createTransport({ ...config, key, cut, asked, now, fetch: deps.fetch ?? fetch });
  const endpoint = config.rememberAs ?? baseUrl;
  const settings = settingsOf(config);

  const what = `model \`${alias}\` (${baseUrl})`;
  const gone = () =>
    new FailureError(
      "provider",
      `Expected an answer from ${what}, got none to any request for ${config.retries.totalSeconds} s, so it was not asked again`,
    );

  async function ask(payload: Readonly<Record<string, unknown>>, spend: Spend, signal: AbortSignal): Promise<Answer> {
    const request = (number: number): SentRequest => ({ alias, baseUrl, payload, try: number });
    const send = async (number: number) => {
      const sent = deps.meter.send(alias);
      const sentMs = now();
      deps.watch?.sends(request(number));
      try {
        const received = await transport.complete(payload, signal);
        const usage = priced(received.usage, config.price);
        sent.received(usage);
        deps.watch?.receives(request(number), { ...received, usage }, now() - sentMs);
        admission.outage.answered();
        return received;
      } catch (error) {
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
      return spend(() => send(number));
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

  return {
    name: alias,
    price: config.price ?? null,
    identity: {
      endpoint,
      ...settings,
      structuredOutput: config.structuredOutput,
      sendsStop: config.sendsStop,
      ...(config.sendsSeed ? { seed: config.seed } : {}),
    },
    async complete(request, { sample, signal }) {
      const payload = {
        ...settings,
        ...requestFields(request, config),
        ...(config.sendsSeed ? { seed: config.seed + sample } : {}),
      };
      const { value, key, remembered } = await deps.remember(
        { kind: "completion", version: completionVersion, endpoint, payload, sample },
        answer,
        (spend) => ask(payload, spend, signal),
        { signal },
      );
      const usage = priced(value.usage, config.price);
      if (remembered) deps.meter.remembered(alias, usage);
      if (value.finishReason === "content_filter") {
        throw new RejectionError("content_filter", "The provider's content filter cut the answer", {
          evidence: { completion: key },
        });
      }
      if (value.finishReason === "refusal") {
        throw new RejectionError("refusal", `The model refused: ${value.refusal ?? value.text}`, {
          evidence: { completion: key },
        });
      }
      return { text: value.text, reasoning: value.reasoning, finishReason: value.finishReason, usage, key, remembered };
    },
    async check(signal) {
      listed = await checkEndpoint({ ...config, key, cut, asked, fetch: deps.fetch ?? fetch }, signal);
    },
  };
}

/** The part of the payload that the config alone decides. */
function settingsOf(config: OpenAiCompatibleConfig): Readonly<Record<string, unknown>> {
  return {
    ...config.body,
    model: config.model,
    ...(config.temperature === undefined ? {} : { temperature: config.temperature }),
    ...(config.topP === undefined ? {} : { top_p: config.topP }),
    ...(config.maxTokens === undefined ? {} : { [config.maxTokensField]: config.maxTokens }),
  };
}

function requestFields(request: ChatRequest, config: OpenAiCompatibleConfig): Readonly<Record<string, unknown>> {
  const { messages, stop = [], jsonSchema } = request;
  const format =
    jsonSchema === undefined || config.structuredOutput === "none"
      ? {}
      : config.structuredOutput === "json_object"
        ? { response_format: { type: "json_object" } }
        : { response_format: { type: "json_schema", json_schema: jsonSchema } };
  return { messages, ...(config.sendsStop && stop.length > 0 ? { stop } : {}), ...format };
}

/** Usage with its cost in US dollars at the config's price; null without one. */
function priced(usage: Answer["usage"], cost: OpenAiCompatibleConfig["price"]): Usage {
  if (cost === undefined) return { ...usage, costUsd: null };
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  const input = (usage.inputTokens - cached) * cost.inputPerMillion;
  const cachedInput = cached * (cost.cachedInputPerMillion ?? cost.inputPerMillion);
  return { ...usage, costUsd: (input + cachedInput + usage.outputTokens * cost.outputPerMillion) / 1e6 };
}

/** Cuts this model's key, however short, and every other secret of the run out of what an error quotes. */
function cutter(key: string | null, { secrets }: ProviderDeps): (text: string) => string {
  const own = createSecrets({ shortest: 1 });
  if (key !== null) {
    own.add(key);
    secrets?.add(key);
  }
  return (text) => (secrets === undefined ? own.cut(text) : secrets.cut(own.cut(text)));
}

function readKey(alias: string, config: OpenAiCompatibleConfig, env: ProviderDeps["env"]): string | null {
  const { apiKeyEnv, baseUrl } = config;
  if (apiKeyEnv === null || (apiKeyEnv === undefined && isLoopback(baseUrl))) return null;
  if (apiKeyEnv === undefined) {
    throw new UsageError(
      `Expected \`models.${alias}.apiKeyEnv\` to name the environment variable that holds the key for ${baseUrl}, got nothing. ` +
        "Name it, or write `apiKeyEnv: null` if the endpoint takes no key.",
    );
  }
  const key = env[apiKeyEnv]?.trim();
  if (key === undefined || key === "") {
    throw new UsageError(
      `Expected the environment variable \`${apiKeyEnv}\` (named by \`models.${alias}.apiKeyEnv\`) to hold the key for ${baseUrl}, ` +
        `got ${key === undefined ? "nothing" : "an empty text"}. Run \`export ${apiKeyEnv}=…\` first, or name another variable.`,
    );
  }
  // Checked here because fetch would quote the whole value in its error.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(
      `Expected the environment variable \`${apiKeyEnv}\` (named by \`models.${alias}.apiKeyEnv\`) to hold a key of printable ASCII ` +
        "characters, got spaces, line breaks or other characters in it (not shown). Set it again.",
    );
  }
  return key;
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
