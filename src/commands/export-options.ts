// What `tracemill export` is told, put over what the run's config says.
import { join } from "node:path";
import { z } from "zod";
import type { Manifest } from "../archive/run-folder.ts";
import { parseConfig } from "../config/parse.ts";
import { UsageError } from "../domain/errors.ts";
import { type ExportOptions, exportOptions, relativeTo } from "../exports/options.ts";
import type { RendererArguments } from "./renderer-options.ts";

export interface ExportArguments extends RendererArguments {
  readonly run: string;
  readonly output: string;
  readonly format: readonly string[];
  readonly to?: string | undefined;
  readonly splitValidation?: number | undefined;
  readonly splitTest?: number | undefined;
  readonly shuffle?: boolean | undefined;
  readonly perStep?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly shardMb?: number | undefined;
  readonly shardItems?: number | undefined;
  readonly over?: string | undefined;
  readonly preview?: string | undefined;
  readonly againstData: readonly string[];
  readonly json: boolean;
}

/** The run's own `export:`, changed by the command line. @throws {UsageError} naming what cannot be. */
export function exportOptionsOf(args: ExportArguments, manifest: Manifest): ExportOptions {
  const { format, tokenizer, template, maxTokens, over, splitValidation, splitTest, shardMb, shardItems } = args;
  const formats = format.flatMap((one) => one.split(",")).filter((one) => one !== "");
  const config = z.looseObject({ export: z.looseObject({}).optional() }).safeParse(manifest.config);
  const asked = { ...config.data?.export, ...(formats.length === 0 ? {} : { formats }) };
  const own = relativeTo(manifest.configPath, parseConfig(exportOptions, asked, `the \`export\` of ${manifest.run}`));
  if (over !== undefined && maxTokens === undefined && own.length === undefined)
    throw new UsageError("Expected --max-tokens beside --over, got none: how long is too long?");
  const changed = {
    ...own,
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(template === undefined ? {} : { template }),
    ...(maxTokens === undefined && over === undefined
      ? {}
      : {
          length: {
            ...own.length,
            ...(maxTokens === undefined ? {} : { maxTokens }),
            ...(over === undefined ? {} : { over }),
          },
        }),
    ...(splitValidation === undefined && splitTest === undefined
      ? {}
      : {
          split: {
            ...own.split,
            ...(splitValidation === undefined ? {} : { validation: splitValidation }),
            ...(splitTest === undefined ? {} : { test: splitTest }),
          },
        }),
    ...(shardMb === undefined && shardItems === undefined
      ? {}
      : {
          shards: {
            ...(shardMb === undefined ? {} : { megabytes: shardMb }),
            ...(shardItems === undefined ? {} : { items: shardItems }),
          },
        }),
    ...(args.shuffle === undefined ? {} : { shuffle: args.shuffle }),
    ...(args.perStep === undefined ? {} : { perStep: args.perStep }),
    ...(args.seed === undefined ? {} : { seed: args.seed }),
  };
  const parsed = parseConfig(exportOptions, changed, "the export's options");
  return relativeTo(join(process.cwd(), "command line"), parsed);
}
