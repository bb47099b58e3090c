// What `sandbox shell` opens: the data that was named, or a config's, and the limits it is worked on under.
import { basename, dirname } from "node:path";
import { type DatasetEntry, datasetLoader, type LoadedDataset } from "../datasets/load.ts";
import { UsageError } from "../domain/errors.ts";
import { type SandboxConfig, sandboxConfig } from "../sandboxes/index.ts";
import { loadConfig } from "./load-config.ts";

export interface ShellSource {
  readonly data?: readonly string[];
  readonly config?: string | undefined;
  readonly dataset?: string | undefined;
  readonly backend?: string | undefined;
}

/**
 * The dataset to show, copied below `folder`, and the `sandbox:` section. Several files that were named are shown together; of several
 * datasets `dataset` names one. @throws {UsageError} when nothing, or not exactly one dataset, is meant.
 */
export async function shellSource(
  asked: ShellSource,
  folder: string,
): Promise<LoadedDataset & { readonly sandbox: SandboxConfig }> {
  const { data = [], dataset, backend } = asked;
  if (data.length > 0 === (asked.config !== undefined)) {
    throw new UsageError(
      data.length > 0
        ? `Expected data or --config, got both: leave \`${data.join(" ")}\` or \`${asked.config}\` out`
        : "Expected data to look at, got none: `npx tracemill sandbox shell data.csv`, or `--config configs/quickstart.yaml`",
    );
  }
  const config = asked.config === undefined ? undefined : await configOf(asked.config);
  const sandbox = sandboxConfig.parse({ ...config?.sandbox, ...(backend === undefined ? {} : { backend }) });
  const loader = datasetLoader({ folder, ...(config === undefined ? {} : { base: config.base }) });
  const together: DatasetEntry[] = [{ name: data.length === 1 ? basename(String(data[0])) : "data", files: [...data] }];
  const entries = config?.datasets ?? (dataset === undefined ? together : data);
  return { ...chosen(await loader.loadAll(entries), dataset), sandbox };
}

function chosen(loaded: readonly LoadedDataset[], name: string | undefined): LoadedDataset {
  const [first, ...others] = loaded.filter(({ dataset }) => name === undefined || dataset.name === name);
  if (first !== undefined && others.length === 0) return first;
  const names = loaded.map(({ dataset }) => `\`${dataset.name}\``).join(", ");
  throw new UsageError(
    first === undefined
      ? `Expected --dataset to be one of ${names}, got \`${name}\``
      : `Expected one dataset, got ${others.length + 1}${name === undefined ? "" : ` of this name`}: choose with --dataset one of ${names}`,
  );
}

async function configOf(path: string) {
  const { config, configPath } = await loadConfig(path);
  return { datasets: config.datasets, sandbox: config.sandbox, base: dirname(configPath) };
}
