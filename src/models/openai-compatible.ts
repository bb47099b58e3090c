import type { ChatRequest, Completion, Model, Remembered, Spend } from "../contracts.ts";
import { RejectionError } from "../domain/errors.ts";
import { storeKeyOf } from "../domain/hash.ts";
import { type Abilities, abilitiesOf } from "./abilities.ts";
import type { Admission } from "./admission.ts";
import { type Answer, answer, completionVersion } from "./answer.ts";
import { checkEndpoint } from "./check.ts";
import { openFetch } from "./fetch.ts";
import { cutter, readKey } from "./key.ts";
import { type OpenAiCompatibleConfig, openAiCompatibleOptions } from "./openai-compatible-options.ts";
import { requestFields, settingsOf } from "./payload.ts";
import { priced } from "./price.ts";
import type { OpenedModel, Provider, ProviderDeps } from "./provider.ts";
import { createSender } from "./sender.ts";
import { currentSpender } from "./spender.ts";
import { createTransport } from "./transport.ts";

/** Models behind any endpoint that speaks OpenAI's chat completions. */
export const openAiCompatible: Provider<typeof openAiCompatibleOptions> = {
  name: "openai-compatible",
  about: "any endpoint that speaks OpenAI's chat completions",
  schema: openAiCompatibleOptions,
  async create(alias, stated, deps): Promise<OpenedModel> {
    const found = stated.price ?? deps.prices?.(stated.baseUrl, stated.model);
    const config = found === undefined ? stated : { ...stated, price: found };
    const key = readKey(alias, config, deps.env);
    const admission = deps.admissions.of({ baseUrl: config.baseUrl, key }, alias, config);
    const connection =
      deps.fetch === undefined
        ? await openFetch(config.baseUrl, deps)
        : { fetch: deps.fetch, close: async () => undefined };
    const model = await createModel(alias, config, { ...deps, key, admission, fetch: connection.fetch });
    return { model, isDown: () => admission.isDown(), close: connection.close };
  },
};

async function createModel(
  alias: string,
  config: OpenAiCompatibleConfig,
  deps: ProviderDeps & { readonly key: string | null; readonly admission: Admission; readonly fetch: typeof fetch },
): Promise<Model> {
  const { now = Date.now, key, admission } = deps;
  const abilities = abilitiesOf(alias, config);
  const { baseUrl } = config;
  const cut = cutter(key, deps);
  let listed: readonly string[] = [];
  const keyFrom = key === null ? null : (config.apiKeyEnv ?? null);
  const asked = { alias, baseUrl, model: config.model, keyFrom, listed: () => listed };
  const transport = await createTransport({
    ...config,
    key,
    keyHeader: abilities.keyHeader,
    cut,
    asked,
    now,
    fetch: deps.fetch,
  });
  const endpoint = config.rememberAs ?? baseUrl;
  const settings = settingsOf(config, abilities);
  const { seedField } = abilities;
  const tokenLimit =
    config.maxTokens === undefined
      ? null
      : { usual: config.maxTokens, most: config.maxTokensMost ?? 4 * config.maxTokens };

  const sender = createSender({ alias, config, transport, admission, deps });

  /** Under what an answer is remembered: whom is asked, for what, and which of several samples. */
  function identityOf(request: ChatRequest, sample: number) {
    if (request.maxTokens !== undefined && tokenLimit !== null && request.maxTokens > tokenLimit.most) {
      throw new Error(
        `Expected at most ${tokenLimit.most} tokens to be asked of \`${alias}\`, got ${request.maxTokens}`,
      );
    }
    const payload: Readonly<Record<string, unknown>> = {
      ...settings,
      ...requestFields(request, abilities, alias),
      ...(seedField === null ? {} : { [seedField]: config.seed + sample }),
    };
    return { kind: "completion", version: completionVersion, endpoint, payload, sample };
  }

  function completionOf({ value, key, remembered }: Remembered<Answer>, request: ChatRequest): Completion {
    const usage = priced(value.usage, config.price);
    if (remembered) deps.meter.remembered(alias, currentSpender()?.stage ?? null, key, usage);
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
    const said = saidIn(value, request, abilities);
    return { ...said, reasoning: value.reasoning, usage, key, remembered };
  }

  return {
    name: alias,
    price: config.price ?? null,
    identity: {
      endpoint,
      ...settings,
      structuredOutput: abilities.structuredOutput,
      // Not an option any more; it stays here because ids of earlier runs' attempts hold it.
      sendsStop: !abilities.refuses.has("stop"),
      ...(seedField === null ? {} : { seed: config.seed }),
      ...(abilities.sendsReasoning === "none" ? {} : { sendsReasoning: abilities.sendsReasoning }),
    },
    tokenLimit,
    contextTokens: config.contextTokens ?? null,
    takesTools: abilities.tools,
    recall(request, { sample }) {
      const found = deps.recall?.(identityOf(request, sample), answer) ?? null;
      return found === null ? null : completionOf(found, request);
    },
    async complete(request, { sample, signal }) {
      const what = identityOf(request, sample);
      const receive = async (spend: Spend, wanted: AbortSignal) => {
        const received = await sender.ask(what.payload, spend, wanted);
        // Before it is kept: whoever finds it in the store from then on must not take it for an earlier run's.
        deps.meter.keeps(storeKeyOf(what));
        return received;
      };
      return completionOf(await deps.remember(what, answer, receive, { signal }), request);
    },
    async check(signal) {
      listed = await checkEndpoint(
        {
          ...config,
          headers: { ...abilities.modelsRoute?.headers, ...config.headers },
          key,
          keyHeader: abilities.modelsRoute?.keyHeader ?? abilities.keyHeader,
          cut,
          asked,
          fetch: deps.fetch,
        },
        signal,
      );
    },
  };
}

/** What a caller sees of an answer: where JSON was asked for as a forced call, that call's arguments are the text. */
function saidIn(
  { text, toolCalls = [], finishReason }: Answer,
  { jsonSchema }: ChatRequest,
  { structuredOutput }: Abilities,
): Pick<Completion, "text" | "toolCalls" | "finishReason"> {
  const form = structuredOutput === "tool" ? toolCalls.find(({ name }) => name === jsonSchema?.name) : undefined;
  if (form !== undefined) {
    return { text: form.arguments, finishReason: finishReason === "tool_calls" ? "stop" : finishReason };
  }
  return { text, finishReason, ...(toolCalls.length === 0 ? {} : { toolCalls }) };
}
