import type { SchemaElement } from "hyparquet";
import type { Exporter, Target, Tokenised } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Example } from "../../domain/example.ts";
import { type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { trainedTokens } from "../render/tokens.ts";
import { checkParquet } from "./parquet-check.ts";
import { writeParquet } from "./parquet-file.ts";
import { type Column, integer, list } from "./parquet-schema.ts";

const numbers = (name: string) => list(name, [integer("element")]);
const columns: readonly Column<Tokenised>[] = [
  { elements: numbers("input_ids"), value: ({ inputIds }) => inputIds, statistics: false },
  { elements: numbers("attention_mask"), value: ({ attentionMask }) => attentionMask, statistics: false },
  { elements: numbers("labels"), value: ({ labels }) => labels, statistics: false },
];

/**
 * Examples as tokens with labels (TG-R12, AX-R4): input_ids, attention_mask and labels, -100 where there is no loss, not shifted, not packed. The
 * mask is exact with every trainer. @throws {UsageError} for an example without a token to train on.
 */
export function tokenisedExporter(): Exporter {
  return {
    name: "tokenised",
    about: "Tokens with labels, for Together AI, Axolotl, TRL: needs `export.tokenizer`",
    fileName: "tokenised.parquet",
    needsRenderer: true,
    write(examples, path, options = {}) {
      const { renderer } = options;
      if (renderer === undefined)
        throw new UsageError("Expected `export.tokenizer` for the format `tokenised`, got none");
      return writeParquet<Example, Tokenised>(refusingBroken(examples), path, {
        ...options,
        rows(example) {
          const tokens = renderer.tokenise(example);
          if (trainedTokens(tokens) === 0)
            throw new UsageError(
              `Expected at least one token with loss in ${example.id}, got none: the template drops what is trained; use another template`,
            );
          return [tokens];
        },
        layout: {
          name: "tokenised",
          charactersOf: ({ inputIds }) => inputIds.length * 12,
          columns: () => columns,
        },
      });
    },
    check: tokenisedTarget("tokenised", ["TG-R12", "AX-R4"]).check,
  };
}

/** A target of tokenised Parquet under its own rule number. */
export function tokenisedTarget(name: string, rules: readonly string[]): Target {
  const each = (problem: Omit<LineProblem, "rule">) => rules.map((rule) => ({ ...problem, rule }));
  return {
    name,
    about: "Parquet of input_ids, attention_mask and labels: checked only",
    check: (path) =>
      checkParquet(path, {
        schema: (elements) => [...schemaProblems(elements)].flatMap(each),
        row: (row) => [...rowProblems(row)].flatMap(each),
      }),
  };
}

const known = ["input_ids", "attention_mask", "labels", "position_ids"];

function* schemaProblems(elements: readonly SchemaElement[]): Generator<Omit<LineProblem, "rule">> {
  const tops = topNames(elements);
  for (const name of tops)
    if (!known.includes(name))
      yield { field: name, message: `Expected only ${known.join(", ")}, got \`${name}\`; remove it` };
  for (const name of ["input_ids", "attention_mask", "labels"])
    if (!tops.includes(name)) yield { field: name, message: `Expected the column \`${name}\`, got none` };
}

/** The names of the columns themselves, not of what lies in them. */
function topNames(elements: readonly SchemaElement[]): string[] {
  const names: string[] = [];
  let at = 1;
  while (at < elements.length) {
    names.push(elements[at]?.name ?? "");
    let open = 1;
    while (open > 0 && at < elements.length) {
      open += (elements[at]?.num_children ?? 0) - 1;
      at += 1;
    }
  }
  return names;
}

function* rowProblems(row: JsonObject): Generator<Omit<LineProblem, "rule">> {
  const ids = wholeNumbers(row.input_ids);
  if (ids === null || ids.length === 0) {
    yield { field: "input_ids", message: `Expected a list of token numbers, got ${shown(row.input_ids)}` };
    return;
  }
  for (const name of ["attention_mask", "labels"]) {
    const values = wholeNumbers(row[name]);
    if (values === null || values.length !== ids.length) {
      yield {
        field: name,
        message: `Expected ${ids.length} numbers, as many as input_ids, got ${shown(values?.length)}`,
      };
      continue;
    }
    if (name === "attention_mask" && values.some((value) => value !== 0 && value !== 1))
      yield { field: name, message: "Expected 0 or 1 each, got another number" };
    if (name !== "labels") continue;
    const wrong = values.findIndex((label, index) => label !== -100 && label !== ids[index]);
    if (wrong !== -1)
      yield {
        field: `labels[${wrong}]`,
        message: `Expected -100 or the token at the same place (labels are not shifted), got ${values[wrong]} at token ${ids[wrong]}`,
      };
    if (values.every((label) => label === -100))
      yield { field: "labels", message: "Expected at least one token with loss, got none; drop the row" };
  }
}

function wholeNumbers(value: unknown): number[] | null {
  if (!Array.isArray(value)) return null;
  const list = (value as unknown[]).map((one) => (typeof one === "bigint" ? Number(one) : one));
  return list.every((one) => Number.isInteger(one)) ? (list as number[]) : null;
}
