import type { CheckOptions, Exporter, ExportProblem, Renderer, Target } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Example } from "../../domain/example.ts";
import { refusingBroken } from "../problems.ts";
import { naming } from "../render/naming.ts";
import { type BatchLimits, charactersOf } from "./batches.ts";
import { parquetFormat } from "./parquet-format.ts";
import { checkParquet } from "./parquet-read.ts";
import { type Column, int32, list } from "./schema.ts";
import { type TokenRules, tokenColumnProblems, tokenRowProblems } from "./tokenised-rules.ts";

// Three numbers of 4 bytes a token, and up to four tokens a character where a tokenizer falls back to bytes: 12 to 48 bytes where text has 1 to
// 3. So a batch of 2 Mi characters stays below 100 MB.
const bytesBesideText = 8;
const names = ["input_ids", "attention_mask", "labels"] as const;
const columns: readonly Column[] = names.map((name) => ({ elements: list(name, int32("element")), statistics: false }));

/**
 * Parquet of tokens, exactly `input_ids`, `attention_mask` and `labels` (LIST<INT32>, one length a row): the only format in which each masked
 * message stays masked with every trainer. Labels are not shifted, and -100 where there is no loss. Needs `options.renderer`.
 */
export function tokenisedExporter(limits?: BatchLimits): Exporter {
  return parquetFormat<Example>({
    name: "tokenised",
    about: "Parquet of token ids and labels, masked as recorded, for Together, Axolotl and TRL",
    fileName: "tokenised.parquet",
    needsRenderer: true,
    limits,
    weigh: ({ messages }) => charactersOf(messages) * bytesBesideText,
    guard: refusingBroken,
    layout: (_, before, { renderer }) => before ?? { columns, row: (example) => tokens(example, renderer) },
    check: (path, options) => checkTokens(path, { columns: "AX-R4", rows: "TG-R12", others: [] }, options),
  });
}

/** Together's rules for Parquet of tokens (TG-R12): `input_ids` and nothing but `attention_mask`, `labels` and `position_ids` beside it. */
export const togetherTokenised: Target = {
  name: "together-tokenised",
  about: "Parquet of tokens as Together takes it",
  check: (path, options) => checkTokens(path, { columns: "TG-R12", rows: "TG-R12", others: ["position_ids"] }, options),
};

/** Axolotl's rules for Parquet of tokens (AX-R4): exactly `input_ids`, `attention_mask` and `labels`. */
export const axolotlTokenised: Target = {
  name: "axolotl-tokenised",
  about: "Parquet of tokens as Axolotl takes it (type left empty)",
  check: (path, options) => checkTokens(path, { columns: "AX-R4", rows: "AX-R4", others: [] }, options),
};

function tokens(example: Example, renderer: Renderer | undefined) {
  if (renderer === undefined)
    throw new UsageError(
      "Expected a tokenizer for the format `tokenised`, got none: set `export.tokenizer` to the folder of the model's tokenizer",
    );
  const { inputIds, attentionMask, labels } = naming(example, () => renderer.tokenise(example));
  return { input_ids: inputIds, attention_mask: attentionMask, labels };
}

function checkTokens(path: string, rules: TokenRules, { maxTokens }: CheckOptions = {}): Promise<ExportProblem[]> {
  return checkParquet(path, {
    schema: (found) => tokenColumnProblems(found, rules),
    row: (row) => tokenRowProblems(row, rules, maxTokens),
  });
}
