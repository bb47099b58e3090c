import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { describe, expect, test } from "vitest";
import type { Exporter } from "../../src/contracts.ts";
import { UsageError } from "../../src/domain/errors.ts";
import type { Example } from "../../src/domain/example.ts";
import { arrowExporter } from "../../src/exports/columnar/arrow.ts";
import { openParquetEngine } from "../../src/exports/columnar/engines.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { parquetJsonExporter } from "../../src/exports/columnar/parquet-json.ts";
import { int32, int64, list, struct, text } from "../../src/exports/columnar/schema.ts";
import { tokenisedExporter } from "../../src/exports/columnar/tokenised.ts";
import { verlRlExporter } from "../../src/exports/columnar/verl-rl.ts";
import { verlSftExporter, verlSftTrainableExporter } from "../../src/exports/columnar/verl-sft.ts";
import { duckdb, rlTaskOf, wordRenderer } from "../unit/columnar-fixtures.ts";
import { callingExample, exampleOf, hardTexts, say, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

const engines = ["hyparquet-writer", "parquetjs-lite"] as const;

const thinking = (index: number): Example => {
  const example = callingExample(index);
  return {
    ...example,
    messages: example.messages.map((each, at) => (at === 2 ? { ...each, reasoning: `Count Ω ${index}.` } : each)),
  };
};
const plain = (index: number, content = "It is <answer>1</answer>") =>
  exampleOf(index, { messages: [say("system", "S"), say("user", `Q ${content}`), say("assistant", content, true)] });
const hard = hardTexts.map((content, index) => plain(10 + index, content));

async function written<Item>(exporter: Exporter<Item>, items: Item[], engine: (typeof engines)[number], path: string) {
  const placed: number[] = [];
  const options = {
    parquetEngine: engine,
    renderer: wordRenderer,
    placed: (_: Item, rows: number) => void placed.push(rows),
  };
  const file = await exporter.write(streamOf(items), path, options);
  const rows = (await parquetReadObjects({ file: await asyncBufferFromFile(path) })) as Record<string, unknown>[];
  return { ...file, placed, read: rows };
}

async function conversations<Item>(exporter: Exporter<Item>, path: string) {
  const found: unknown[] = [];
  for await (const each of exporter.conversations?.(path) ?? []) found.push(each);
  return found;
}

const conversation = ({ messages, tools }: Example) => ({ messages, ...(tools === undefined ? {} : { tools }) });

describe.each(engines)("written by %s", (engine) => {
  test.each([
    ["parquet", parquetExporter(), [thinking(1), plain(2), ...hard]],
    ["parquet-json", parquetJsonExporter(), [thinking(1), plain(2), ...hard]],
    ["verl-sft", verlSftExporter(), [thinking(1), thinking(2)]],
    ["verl-sft-trainable", verlSftTrainableExporter(), [exampleOf(1), ...hard]],
  ] as const)(
    "%s is read back as the conversations it was made of, and breaks no rule",
    async (name, exporter, items) => {
      await using folder = await scratchFolder();
      const path = folder.at(exporter.fileName);
      const { rows, placed, bytes } = await written(exporter, [...items], engine, path);
      expect({ rows, placed }).toEqual({ rows: items.length, placed: items.map(() => 1) });
      expect(await conversations(exporter, path)).toEqual(items.map(conversation));
      expect(await exporter.check(path, { renderer: wordRenderer })).toEqual([]);
      // One text of 5 MB is stored about once, not once for each statistic.
      expect(bytes).toBeLessThan(hard.length * 5e6);
      const content = name === "parquet-json" ? "messages[-1]->>'content'" : "messages[-1].content";
      const last = await duckdb(`SELECT ${content} AS last FROM read_parquet('${path}')`);
      expect(last.map((row) => row.last)).toEqual(items.map(({ messages }) => messages.at(-1)?.content));
    },
  );

  test("parquet-json is a list of JSON to DuckDB, arguments are objects, and plain messages have no keys they do not need", async () => {
    await using folder = await scratchFolder();
    const { path } = await written(parquetJsonExporter(), [thinking(1), plain(2)], engine, folder.at("p.parquet"));
    const [called, without] = await duckdb(
      `SELECT typeof(messages) AS type, messages[3]->'tool_calls'->0->'function'->'arguments'->>'code' AS code, json_keys(messages[1]) AS keys, tools FROM read_parquet('${path}')`,
    );
    expect(called).toMatchObject({ type: "JSON[]", code: "len(df)", keys: ["role", "content"] });
    expect(without).toMatchObject({ tools: null });
  });

  test("verl-sft leaves out what verl would train against its mask, and says so", async () => {
    await using folder = await scratchFolder();
    const { rows, placed, path } = await written(
      verlSftExporter(),
      [exampleOf(1), plain(2)],
      engine,
      folder.at("v.parquet"),
    );
    expect({ rows, placed }).toEqual({ rows: 1, placed: [0, 1] });
    const [{ n }] = (await duckdb(`SELECT count(*)::INTEGER AS n FROM read_parquet('${path}')`)) as [{ n: number }];
    expect(n).toBe(1);
  });

  test("verl-sft has functions and calls as structs, arguments by the function's parameters; a call with others has no row", async () => {
    await using folder = await scratchFolder();
    const odd = callingExample(3);
    const strange = odd.messages.map((each) =>
      each.toolCalls === undefined
        ? each
        : { ...each, toolCalls: each.toolCalls.map((call) => ({ ...call, arguments: '{"code":"1","x":2}' })) },
    );
    const items = [callingExample(1), { ...odd, messages: strange }];
    const { path, placed } = await written(verlSftExporter(), items, engine, folder.at("v.parquet"));
    expect(placed).toEqual([1, 0]);
    const rows = await duckdb(
      `SELECT typeof(tools[1].function.parameters) AS tools, messages[3].tool_calls[1].function.arguments AS given, messages[1].tool_calls AS none FROM read_parquet('${path}')`,
    );
    expect(rows).toEqual([
      {
        tools: 'STRUCT("type" VARCHAR, properties STRUCT(code STRUCT("type" VARCHAR)), required VARCHAR[])',
        given: { code: "len(df)" },
        none: null,
      },
    ]);
  });

  test("verl-rl: value for value, empty lists stay empty, sizes are 64-bit, and it breaks no rule", async () => {
    await using folder = await scratchFolder();
    const items = [
      rlTaskOf(1),
      rlTaskOf(2),
      rlTaskOf(3, { reference: { answer: "", metric: "csv", params: {}, file: { sha256: "cd", bytes: 3 } } }),
    ];
    const { path, read } = await written(
      verlRlExporter(),
      items,
      engine,
      folder.at("validation-00000-of-00001.parquet"),
    );
    expect(read[0]).toMatchObject({
      data_source: "tracemill/titanic",
      prompt: [
        { role: "system", content: "DS agent." },
        { role: "user", content: "Rows 1 Ω?" },
      ],
      reward_model: { style: "rule", ground_truth: "1" },
      extra_info: {
        ...{ split: "validation", need_tools_kwargs: true, metric_params: '{"decimals":2}', difficulty: null },
        tools_kwargs: { python: { create_kwargs: { files: ["titanic.csv"] } } },
        files: [{ name: "titanic.csv", sha256: "ab", bytes: 2n ** 40n }],
      },
      agent_name: "tool_agent",
    });
    const rows = await duckdb(
      `SELECT extra_info.tools_kwargs.python.create_kwargs.files AS files, extra_info.reference_file_sha256 AS file, typeof(extra_info.index) AS type FROM read_parquet('${path}')`,
    );
    expect(rows).toEqual([
      { files: ["titanic.csv"], file: null, type: "BIGINT" },
      { files: [], file: null, type: "BIGINT" },
      { files: ["titanic.csv"], file: "cd", type: "BIGINT" },
    ]);
    expect(await verlRlExporter().check(path, { renderer: wordRenderer })).toEqual([]);
  });

  test("verl-rl without functions has neither an agent nor an empty struct", async () => {
    await using folder = await scratchFolder();
    const { tools: _, ...react } = rlTaskOf(1, { scaffold: "react" });
    const { path } = await written(verlRlExporter(), [react], engine, folder.at("r.parquet"));
    const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    expect(schema.map(({ name }) => name)).not.toContain("tools_kwargs");
    expect(schema.map(({ name }) => name)).not.toContain("agent_name");
    expect(schema.filter(({ type, num_children = 0 }) => type === undefined && num_children === 0)).toEqual([]);
    expect(await verlRlExporter().check(path)).toEqual([]);
  });

  test("tokenised: exactly three lists of 32-bit numbers, labels as the renderer says, and it breaks no rule", async () => {
    await using folder = await scratchFolder();
    const { path, read } = await written(tokenisedExporter(), [exampleOf(1), plain(2)], engine, folder.at("t.parquet"));
    const { inputIds, attentionMask, labels } = wordRenderer.tokenise(exampleOf(1));
    expect(read[0]).toEqual({ input_ids: inputIds, attention_mask: attentionMask, labels });
    expect(await duckdb(`SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet('${path}'))`)).toEqual(
      ["input_ids", "attention_mask", "labels"].map((name) => ({ column_name: name, column_type: "INTEGER[]" })),
    );
    expect(await tokenisedExporter().check(path)).toEqual([]);
  });

  test("writes a row group a batch, and a readable file for nothing at all", async () => {
    await using folder = await scratchFolder();
    const small = parquetExporter({ rows: 4, characters: 1e9 });
    const items = Array.from({ length: 10 }, (_, index) => plain(index));
    const { path } = await written(small, items, engine, folder.at("p.parquet"));
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    expect(metadata.row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([4, 4, 2]);
    const empty = await written(small, [], engine, folder.at("e.parquet"));
    expect(await duckdb(`SELECT count(*)::INTEGER AS n FROM read_parquet('${empty.path}')`)).toEqual([{ n: 0 }]);
  });
});

test("parquetjs-lite is given nothing that it would change", async () => {
  const columns = [
    { elements: int32("small") },
    { elements: int64("large") },
    { elements: text("text") },
    { elements: struct("both", text("a")) },
    { elements: list("many", int32("element")) },
  ];
  const write = async (row: object) => {
    const engine = await openParquetEngine("parquetjs-lite", columns, async () => {});
    await engine.write([row as Record<string, unknown>]);
  };
  await write({ small: -(2 ** 31), large: 2n ** 53n - 1n, text: "é", both: { a: null }, many: [] });
  const bad: [string, object][] = [
    ["small", { small: 5e-7 }],
    ["small", { small: 1.9 }],
    ["small", { small: "12abc" }],
    ["small", { small: 2 ** 31 }],
    ["large", { large: 2n ** 53n }],
    ["large", { large: 1 }],
    ["text", { text: 12 }],
    ["text", { text: "\ud800" }],
    ["both.b", { both: { a: "x", b: "lost" } }],
    ["many[1]", { many: [1, 2.5] }],
    ["many", { many: 3 }],
  ];
  for (const [field, row] of bad) {
    await expect(write(row), JSON.stringify(field)).rejects.toThrow(UsageError);
    await expect(write(row)).rejects.toThrow(`Expected ${field} to be`);
  }
});

test("reasoning is a column only where there is any, in Arrow, too; later on it is refused with a way out", async () => {
  await using folder = await scratchFolder();
  const { path } = await arrowExporter().write(streamOf([thinking(1), plain(2)]), folder.at("a.arrow"));
  expect(await conversations(arrowExporter(), path)).toEqual([thinking(1), plain(2)].map(conversation));
  expect(await arrowExporter().check(path)).toEqual([]);
  const calling = callingExample(1);
  for (const exporter of [parquetExporter({ rows: 1, characters: 1 }), arrowExporter({ rows: 1, characters: 1 })])
    await expect(exporter.write(streamOf([calling, thinking(2)]), folder.at("late"))).rejects.toThrow(
      /reasoning.*parquet-json/,
    );
});

test("arguments with numbers that JavaScript would round are refused by formats that hold objects, and kept by the struct profile", async () => {
  await using folder = await scratchFolder();
  const example = callingExample(1);
  const big = example.messages.map((each) =>
    each.toolCalls === undefined
      ? each
      : {
          ...each,
          toolCalls: each.toolCalls.map((call) => ({
            ...call,
            arguments: '{"code":"9007199254740993","n":9007199254740993}',
          })),
        },
  );
  const items = [{ ...example, messages: big }];
  await expect(parquetJsonExporter().write(streamOf(items), folder.at("j"))).rejects.toThrow(
    /53 bits.*9007199254740993/,
  );
  const { path } = await parquetExporter().write(streamOf(items), folder.at("s"));
  expect(await conversations(parquetExporter(), path)).toEqual(items.map(conversation));
});

test("tokenised without a tokenizer is the caller's mistake", async () => {
  await using folder = await scratchFolder();
  await expect(tokenisedExporter().write(streamOf([plain(1)]), folder.at("t"))).rejects.toThrow(/export\.tokenizer/);
});
