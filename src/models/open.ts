import { z } from "zod";
import type { Model } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { configPathOf, fallbackAlias } from "./alias.ts";
import { type ChainLink, withFallbacks } from "./fallback.ts";
import { providers } from "./index.ts";
import type { OpenedModel, Provider, ProviderDeps } from "./provider.ts";

type AnySchema = (typeof providers)[number]["schema"];
type Chained<Schema> =
  Schema extends z.ZodObject<infer Shape, infer Config> ? z.ZodObject<Shape & typeof chain, Config> : never;
type ChainSchema = Chained<AnySchema>;

const oneModel = z.discriminatedUnion(
  "provider",
  providers.map((provider) => provider.schema) as [AnySchema, ...AnySchema[]],
);
type OneModel = z.output<typeof oneModel>;

const chain = {
  fallbacks: z.array(oneModel).min(1).exactOptional(),
  fallbackAfter: z.number().int().positive().exactOptional(),
};

/** One entry under `models:`: the provider's name chooses the options; docs/models.md lists them, docs/fallbacks.md those of a chain. */
export const modelConfig = z
  .discriminatedUnion(
    "provider",
    providers.map((provider) => provider.schema.safeExtend(chain)) as unknown as [ChainSchema, ...ChainSchema[]],
  )
  .superRefine(({ fallbacks, fallbackAfter }, context) => {
    if (fallbackAfter === undefined || fallbacks !== undefined) return;
    const message = "Expected `fallbacks` beside it: a list of models that are asked where this one gives no answer";
    context.addIssue({ code: "custom", path: ["fallbackAfter"], message });
  });
/** One entry under `models:` as read, defaults filled in. */
export type ModelConfig = z.output<typeof modelConfig>;

/** Every model of a run; disposing it closes what they opened. */
export interface OpenedModels extends AsyncDisposable {
  /** The model of an alias. @throws {Error} for an alias that was not in the config: recipes check names before. */
  get(alias: string): Model;
  readonly all: readonly Model[];
  /** Every endpoint's model by the name its requests are counted under: those of `all`, and their fallbacks (`teacher/fallback-1`). */
  readonly served: readonly Model[];
}

/** Makes the models of a config. Spends nothing; `check` of each says whether its endpoint answers. @throws {UsageError} */
export async function openModels(
  configs: Readonly<Record<string, ModelConfig>>,
  deps: ProviderDeps,
): Promise<OpenedModels> {
  const models = new Map<string, Model>();
  const opened: OpenedModel[] = [];
  const closeAll = async () => {
    await Promise.all(opened.map((one) => one.close()));
  };
  const open = async (alias: string, config: OneModel): Promise<ChainLink> => {
    const provider = providers.find((one) => one.name === config.provider) as Provider | undefined;
    if (provider === undefined) throw new Error(`Expected a provider of the list, got \`${config.provider}\``);
    const one = await provider.create(alias, config, deps);
    opened.push(one);
    return { model: one.model, isDown: () => one.isDown?.() ?? false };
  };
  try {
    for (const [alias, { fallbacks = [], fallbackAfter, ...config }] of Object.entries(configs)) {
      const first = await open(alias, triedAtMost(fallbackAfter, alias, config));
      const others: ChainLink[] = [];
      for (const [index, fallback] of fallbacks.entries())
        others.push(await open(fallbackAlias(alias, index + 1), fallback));
      const { lease, say = () => {} } = deps;
      models.set(alias, others.length === 0 ? first.model : withFallbacks(first, others, { lease, say }));
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    get(alias) {
      const model = models.get(alias);
      if (model === undefined) throw new Error(`Expected one of ${[...models.keys()].join(", ")}, got \`${alias}\``);
      return model;
    },
    all: [...models.values()],
    served: opened.map(({ model }) => model),
    [Symbol.asyncDispose]: closeAll,
  };
}

/** The config with so many tries of a request at most, after which a fallback is asked. */
function triedAtMost(tries: number | undefined, alias: string, config: OneModel): OneModel {
  if (tries === undefined) return config;
  const at = `${configPathOf(alias)}.fallbackAfter`;
  if (!("retries" in config)) {
    throw new UsageError(
      `Expected \`${at}\` only where a request is tried more than once, got it for the provider \`${config.provider}\`: leave it out.`,
    );
  }
  const { attempts } = config.retries;
  if (tries > attempts) {
    throw new UsageError(
      `Expected \`${at}\` to be at most ${attempts}, the tries that \`${configPathOf(alias)}.retries.attempts\` allows, got \`${tries}\`.`,
    );
  }
  return { ...config, retries: { ...config.retries, attempts: tries } };
}
