import type { Model } from "../contracts.ts";
import { RejectionError } from "../domain/errors.ts";
import { answer, completionVersion } from "./answer.ts";
import { checkEndpoint } from "./check.ts";
import { cutter, readKey } from "./key.ts";
import { type OpenAiCompatibleConfig, openAiCompatibleOptions } from "./openai-compatible-options.ts";
import { requestFields, settingsOf } from "./payload.ts";
import { priced } from "./price.ts";
import type { OpenedModel, Provider, ProviderDeps } from "./provider.ts";
import { createSender } from "./sender.ts";
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
  const { now = Date.now } = deps;
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

  const sender = createSender({ alias, config, transport, admission, deps });

  return {
    name: alias,
    price: config.price ?? null,
    tokenLimit: config.maxTokens === undefined ? null : { usual: config.maxTokens, most: 4 * config.maxTokens },
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
        (spend) => sender.ask(payload, spend, signal),
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
