import type { Exporter } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import { wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import {
  conversationOf,
  objectMessageProblems,
  objectMessages,
  readMessages,
  readToolsOrText,
} from "../trainers/rows.ts";
import { charactersOf } from "./batches.ts";
import { checkParquet, parquetRows } from "./parquet-check.ts";
import { writeParquet } from "./parquet-file.ts";
import { type Column, json, list, schemaOf, text } from "./parquet-schema.ts";

const columns: readonly Column<Example>[] = [
  { elements: [text("id")], value: ({ id }) => id },
  {
    elements: list("messages", [json("element")]),
    value: ({ messages }) => objectMessages(messages, { flag: { name: "train", on: "assistant" } }),
    statistics: false,
  },
  { elements: list("tools", [json("element")]), value: (example) => wireTools(example) ?? [], statistics: false },
  { elements: [text("group")], value: ({ group }) => group },
];

/**
 * Parquet whose messages and tools are lists of JSON values (profile `parquet-json`, PQ-R1): `datasets` 4.7 and later decodes them, each with its
 * own keys and no nulls for others'. pandas and verl see texts in them: those take `parquet` and `verl-sft`.
 */
export function parquetJsonExporter(): Exporter {
  return {
    name: "parquet-json",
    about: "Parquet with messages as JSON values, for datasets 4.7 and later and TRL",
    fileName: "parquet-json.parquet",
    write: (examples, path, options = {}) =>
      writeParquet<Example>(refusingBroken(examples), path, {
        ...options,
        rows: (example) => [example],
        layout: { name: "parquet-json", charactersOf, columns: () => columns },
      }),
    check: (path) =>
      checkParquet(path, {
        schemas: [schemaOf(columns)],
        row: ({ messages }) => [
          ...objectMessageProblems(messages, { shape: "PQ-R2", object: "TR-R2", at: "messages" }),
        ],
      }),
    async *conversations(path) {
      for await (const { messages, tools } of parquetRows(path))
        yield conversationOf(
          readMessages(messages, "train"),
          Array.isArray(tools) && tools.length === 0 ? undefined : readToolsOrText(tools),
        );
    },
  };
}
