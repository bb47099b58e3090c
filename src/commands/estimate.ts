import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { countOf } from "../run/extent.ts";
import { loadConfig, setOption } from "./load-config.ts";

export interface EstimateArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
  readonly pilot: string;
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("config", { type: "string", demandOption: true, describe: "A YAML file, e.g. configs/sft-2k.yaml" })
    .option("pilot", {
      type: "string",
      default: "5",
      describe: "Seeds or questions to run all the way; they are paid for, and remembered",
    })
    .option("set", setOption)
    .option("json", { type: "boolean", default: false, describe: "Print the estimate as a JSON object" });
}

export async function handler(args: ArgumentsCamelCase<EstimateArguments>): Promise<void> {
  const limit = countOf("--pilot", args.pilot);
  const loaded = await loadConfig(args.config, args.set);
  const [{ runPilot }, { projectionPage }] = await Promise.all([
    import("../run/pilot.ts"),
    import("../run/pilot-page.ts"),
  ]);
  const { exitCode, projection } = await runPilot({
    ...{ ...loaded, output: resolve(args.output), limit },
    logging: { level: "info", verbose: false },
    shown: { json: false, quiet: false },
  });
  process.exitCode = exitCode;
  if (projection === null) {
    process.stderr.write(
      "No estimate: the pilot came to no end (see above). Mend that, then run the same command again.\n",
    );
    return;
  }
  process.stdout.write(args.json ? `${JSON.stringify(projection, null, 2)}\n` : projectionPage(projection));
}
