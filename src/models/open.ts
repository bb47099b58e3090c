import { z } from "zod";
import type { Model } from "../contracts.ts";
import { providers } from "./index.ts";
import type { OpenedModel, Provider, ProviderDeps } from "./provider.ts";

type AnySchema = (typeof providers)[number]["schema"];

/** One entry under `models:`: the provider's name chooses the options; docs/models.md lists them. */
export const modelConfig = z.discriminatedUnion(
  "provider",
  providers.map((provider) => provider.schema) as [AnySchema, ...AnySchema[]],
);
/** One entry under `models:` as read, defaults filled in. */
export type ModelConfig = z.output<typeof modelConfig>;

/** Every model of a run; disposing it closes what they opened. */
export interface OpenedModels extends AsyncDisposable {
  /** The model of an alias. @throws {Error} for an alias that was not in the config: recipes check names before. */
  get(alias: string): Model;
  readonly all: readonly Model[];
}

/** Makes the models of a config. Spends nothing; `check` of each says whether its endpoint answers. @throws {UsageError} */
export async function openModels(
  configs: Readonly<Record<string, ModelConfig>>,
  deps: ProviderDeps,
): Promise<OpenedModels> {
  const opened = new Map<string, OpenedModel>();
  const closeAll = async () => {
    await Promise.all([...opened.values()].map((one) => one.close()));
  };
  try {
    for (const [alias, config] of Object.entries(configs)) {
      const provider = providers.find((one) => one.name === config.provider) as Provider | undefined;
      if (provider === undefined) throw new Error(`Expected a provider of the list, got \`${config.provider}\``);
      opened.set(alias, await provider.create(alias, config, deps));
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    get(alias) {
      const one = opened.get(alias);
      if (one === undefined) throw new Error(`Expected one of ${[...opened.keys()].join(", ")}, got \`${alias}\``);
      return one.model;
    },
    all: [...opened.values()].map((one) => one.model),
    [Symbol.asyncDispose]: closeAll,
  };
}
