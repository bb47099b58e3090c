import type { Argv } from "yargs";
import { recipes } from "../../pipelines/index.ts";
import { scaffolds } from "../agents/index.ts";
import { tableFormats } from "../datasets/index.ts";
import { exporters } from "../exports/index.ts";
import { criteria } from "../judges/criteria.ts";
import { metrics } from "../metrics/index.ts";
import { providers } from "../models/index.ts";
import { sandboxBackends } from "../sandboxes/index.ts";

export function builder(argv: Argv): Argv {
  return argv.option("json", { type: "boolean", default: false, describe: "Print JSON" });
}

export function handler({ json }: { readonly json: boolean }): void {
  const kinds = {
    recipes: names(recipes),
    providers: names(providers),
    scaffolds: names(scaffolds),
    "sandbox backends": names(sandboxBackends),
    metrics: names(metrics),
    "judge criteria": names(criteria),
    "dataset formats": Object.keys(tableFormats),
    "export formats": names(exporters),
  };
  if (json) {
    process.stdout.write(`${JSON.stringify(kinds, null, 2)}\n`);
    return;
  }
  for (const [kind, entries] of Object.entries(kinds))
    process.stdout.write(`${kind.padEnd(18)}${entries.join(", ")}\n`);
}

function names(entries: readonly { readonly name: string }[]): string[] {
  return entries.map((entry) => entry.name);
}
