import { createReadStream } from "node:fs";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC } from "apache-arrow";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { describe, expect, test } from "vitest";
import type { Exporter } from "../../src/contracts.ts";
import { UsageError } from "../../src/domain/errors.ts";
import type { Example } from "../../src/domain/example.ts";
import type { ToolCall } from "../../src/domain/trajectory.ts";
import { arrowExporter } from "../../src/exports/columnar/arrow.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { exampleExporters } from "../../src/exports/index.ts";
import { callingExample, count, exampleOf, hardTexts, say, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

const hard: Example[] = [
  ...count(3),
  ...hardTexts.map((text, index) =>
    exampleOf(100 + index, {
      messages: [
        say("user", text),
        say("assistant", text),
        say("user", "<information></information>"),
        say("assistant", text, true),
      ],
      transforms: ["closed-tag", 'a "quoted", one'],
    }),
  ),
];

const calling = ["print('a\\n')", ...hardTexts.slice(0, 4)].map((text, index) =>
  callingExample(200 + index, `${text}x`),
);

const readBack: Readonly<Record<string, (path: string) => Promise<unknown[]>>> = {
  "chat-jsonl": async (path) =>
    (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  parquet: async (path) => parquetReadObjects({ file: await asyncBufferFromFile(path) }),
  arrow: async (path) => arrowRows(path),
};

// The other formats have rows of their own, and tests of their own.
const exporters = exampleExporters.filter(({ name }) => name in readBack);

describe.each(exporters.map((exporter) => [exporter.name, exporter] as const))("exporter %s", (name, exporter) => {
  test("returns every value as it was, and its own check finds nothing but too few rows", async () => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    const written = await exporter.write(streamOf(hard), path);
    const rows = await readBack[name]?.(path);
    expect(rows).toHaveLength(hard.length);
    const rowOf: (example: Example) => unknown = name === "chat-jsonl" ? chatRow : columnarRow;
    const expected = hard.map(rowOf);
    for (const [index, row] of (rows ?? []).entries()) expect(row, `row ${index + 1}`).toEqual(expected[index]);
    expect(written.rows).toBe(hard.length);
    expect((await exporter.check(path)).filter((problem) => problem.rule !== "OA-R2")).toEqual([]);
  });

  test("returns every native call, its answer and the functions that were offered, and its own check finds nothing", async () => {
    await using folder = await scratchFolder();
    const examples = [...calling, exampleOf(300), ...calling.slice(0, 2)];
    const { path } = await exporter.write(streamOf(examples), folder.at(exporter.fileName));
    const rows = (await readBack[name]?.(path)) ?? [];
    expect(rows).toHaveLength(examples.length);
    for (const [index, row] of rows.entries()) {
      const example = examples[index] as Example;
      expect(row).toEqual(name === "chat-jsonl" ? chatRow(example) : callingRow(example));
    }
    expect((await exporter.check(path)).filter((problem) => problem.rule !== "OA-R2")).toEqual([]);
  });

  test("tells the size and sha256 of the file that lies on disk, and leaves no other", async () => {
    await using folder = await scratchFolder();
    const { path, bytes, sha256 } = await exporter.write(streamOf(count(20)), folder.at(exporter.fileName));
    const content = await readFile(path);
    const { sha256: hash } = await import("../../src/domain/hash.ts");
    expect({ bytes, sha256 }).toEqual({ bytes: content.byteLength, sha256: hash(content) });
    expect(await readdir(folder.path)).toEqual([exporter.fileName]);
  });

  test("writes the same bytes for the same examples", async () => {
    await using folder = await scratchFolder();
    const first = await exporter.write(streamOf(count(50)), folder.at("a"));
    const second = await exporter.write(streamOf(count(50)), folder.at("b"));
    expect(second.sha256).toBe(first.sha256);
  });

  test("writes a readable file for no examples at all", async () => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    expect((await exporter.write(streamOf<Example>([]), path)).rows).toBe(0);
    const rules = (await exporter.check(path)).map((problem) => problem.rule);
    expect(rules.filter((rule) => !["OA-R2", "TG-R2"].includes(rule))).toEqual([]);
  });

  test("keeps the file that was there when the examples break off", async () => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    await writeFile(path, "old");
    await expect(exporter.write(breakingOff(), path)).rejects.toThrow("the line broke off");
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder.path)).toEqual([exporter.fileName]);
  });

  test("reports a file cut short", async () => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    const { bytes } = await exporter.write(streamOf(count(60)), path);
    await cut(path, bytes - 9);
    expect((await exporter.check(path)).filter((problem) => problem.severity === "error")).not.toEqual([]);
  });

  test("checking a file that is not there is the caller's mistake", async () => {
    await expect(exporter.check("/nowhere/at-all")).rejects.toThrow(UsageError);
  });
});

test("file names of the exporters are distinct, and only chat JSONL ends in .jsonl", () => {
  const names = exporters.map((exporter) => exporter.fileName);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((fileName) => fileName.endsWith(".jsonl"))).toEqual(["chat.jsonl"]);
});

test("DuckDB reads Parquet and JSONL value for value, messages as a list of structs", async () => {
  await using folder = await scratchFolder();
  const paths = new Map<string, string>();
  for (const exporter of exporters)
    paths.set(exporter.name, (await exporter.write(streamOf(hard), folder.at(exporter.fileName))).path);
  const parquet = await duckdb(`SELECT * FROM read_parquet('${paths.get("parquet")}')`);
  for (const [index, row] of parquet.rows.entries()) expect(row).toEqual(columnarRow(hard[index] as Example));
  expect(parquet.rows).toHaveLength(hard.length);
  expect(parquet.types.messages).toBe('STRUCT("role" VARCHAR, "content" VARCHAR, "weight" INTEGER)[]');
  const jsonl = await duckdb(
    `SELECT * FROM read_json('${paths.get("chat-jsonl")}', format = 'newline_delimited', maximum_object_size = 100000000,
     columns = {messages: 'STRUCT("role" VARCHAR, "content" VARCHAR, weight INTEGER)[]'})`,
  );
  expect(jsonl.rows).toEqual(hard.map((example) => ({ messages: columnarRow(example).messages })));
});

test("calls and functions are columns only where there are any: plain files keep their shape, mixed ones are refused in time", async () => {
  await using folder = await scratchFolder();
  const { path } = await parquetExporter().write(streamOf(calling), folder.at("p"));
  const { rows, types } = await duckdb(
    `SELECT messages[3].tool_calls->0->'function'->>'name' AS name, messages[4].tool_call_id AS id, messages[3].tool_call_id AS none,
     tools->0->'function'->>'name' AS offered, messages FROM read_parquet('${path}') LIMIT 1`,
  );
  expect(rows).toMatchObject([{ name: "python", id: "call_1", none: null, offered: "python" }]);
  expect(types.messages).toBe(
    'STRUCT("role" VARCHAR, "content" VARCHAR, "weight" INTEGER, "tool_calls" VARCHAR, "tool_call_id" VARCHAR)[]',
  );
  for (const exporter of [parquetExporter(small), arrowExporter(small)]) {
    const late = streamOf([...count(15), callingExample(99)]);
    await expect(exporter.write(late, folder.at("late"))).rejects.toThrow(/native calls from the first batch on/);
  }
});

test("a byte order mark that begins a text is in the file, though JavaScript readers drop it", async () => {
  await using folder = await scratchFolder();
  const marked = exampleOf(1, { messages: [say("user", "\uFEFFa"), say("assistant", "1", true)] });
  const { path } = await parquetExporter().write(streamOf([marked]), folder.at("p"));
  const { rows } = await duckdb(`SELECT hex(messages[1].content) AS bytes FROM read_parquet('${path}')`);
  expect(rows).toEqual([{ bytes: "EFBBBF61" }]);
});

test("a filter that DuckDB pushes down into the statistics finds every row", async () => {
  await using folder = await scratchFolder();
  const { path } = await parquetExporter({ rows: 7, characters: 1e9 }).write(streamOf(count(100)), folder.at("p"));
  const { rows } = await duckdb(
    `SELECT count(*)::INTEGER AS n FROM read_parquet('${path}') WHERE "group" = 'dataset_1'`,
  );
  expect(rows).toEqual([{ n: 33 }]);
});

const small = { rows: 10, characters: 20_000 };

test("Parquet row groups and Arrow batches stay within their row and character bounds", async () => {
  await using folder = await scratchFolder();
  const long = exampleOf(1, { messages: [say("user", "x".repeat(8_000)), say("assistant", "1", true)] });
  const examples = [...count(25), long, long, long, long];
  const parquet = await parquetExporter(small).write(streamOf(examples), folder.at("p"));
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(parquet.path));
  const groups = metadata.row_groups.map((group) => Number(group.num_rows));
  const arrow = await arrowExporter(small).write(streamOf(examples), folder.at("a"));
  const batches = tableFromIPC(await readFile(arrow.path)).batches.map((batch) => batch.numRows);
  expect(groups).toEqual([10, 10, 8, 1]);
  expect(batches).toEqual(groups);
});

const damaged: [name: string, exporter: Exporter, rule: string, write: (path: string) => Promise<unknown>][] = [
  [
    "other Parquet columns",
    parquetExporter(),
    "PQ-R1",
    (path) => duckdb(`COPY (SELECT 1 AS id) TO '${path}' (FORMAT parquet)`),
  ],
  [
    "messages as JSON text",
    parquetExporter(),
    "PQ-R1",
    (path) => duckdb(`COPY (SELECT 'e' AS id, '[]' AS messages) TO '${path}' (FORMAT parquet)`),
  ],
  ["no Parquet", parquetExporter(), "PQ-R2", (path) => writeFile(path, "PAR1 nothing else")],
  ["no Arrow", arrowExporter(), "AR-R2", (path) => writeFile(path, "ARROW1 nothing else")],
  ["other Arrow columns", arrowExporter(), "AR-R1", otherArrow],
];

test.each(damaged)("check tells %s", async (_name, exporter, rule, write) => {
  await using folder = await scratchFolder();
  await write(folder.at("file"));
  expect((await exporter.check(folder.at("file"))).map((problem) => problem.rule)).toContain(rule);
});

test("Parquet written elsewhere with a broken loss flag is reported by row", async () => {
  await using folder = await scratchFolder();
  const { path } = await parquetExporter().write(streamOf(count(5)), folder.at("good"));
  const bytes = await readFile(path);
  await writeFile(folder.at("bad"), bytes);
  // Every assistant message of row 3 loses its flag, by way of another writer whose columns are shaped the same.
  await duckdb(`COPY (SELECT id, list_transform(messages, lambda m: struct_pack("role" := m.role, "content" := m.content,
    weight := CASE WHEN id = 'example_0002' THEN NULL ELSE m.weight END)) AS messages, "group", task_id, query_id, trajectory_id,
    transforms FROM read_parquet('${path}')) TO '${folder.at("bad")}' (FORMAT parquet)`);
  const problems = await parquetExporter().check(folder.at("bad"));
  expect(problems.map(({ rule, line }) => [rule, line])).toContainEqual(["C7", 3]);
  expect(new Set(problems.map((problem) => problem.line))).toEqual(new Set([3]));
});

function chatRow({ messages, tools }: Example) {
  return {
    messages: messages.map(({ role, content, train, toolCalls, toolCallId }) => ({
      role,
      content,
      ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(wireCall) }),
      ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
      ...(role === "assistant" ? { weight: train ? 1 : 0 } : {}),
    })),
    ...(tools === undefined ? {} : { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
  };
}

function wireCall({ id, name, arguments: text }: ToolCall) {
  return { id, type: "function", function: { name, arguments: text } };
}

/** A row of a columnar file that has calls; plain examples have nulls there. */
function callingRow(example: Example) {
  const { messages, tools = null } = chatRow(example);
  const jsonOf = (value: object | null | undefined) =>
    value === null || value === undefined ? null : JSON.stringify(value);
  return {
    ...columnarRow(example),
    messages: columnarRow(example).messages.map((message, index) => ({
      ...message,
      tool_calls: jsonOf(messages[index]?.tool_calls),
      tool_call_id: messages[index]?.tool_call_id ?? null,
    })),
    tools: jsonOf(tools),
  };
}

function columnarRow(example: Example) {
  const messages = example.messages.map(({ role, content, train }) => ({
    role,
    content,
    weight: role === "assistant" ? Number(train) : null,
  }));
  const { id, group, taskId, queryId, trajectoryId, transforms } = example;
  return { id, messages, group, task_id: taskId, query_id: queryId, trajectory_id: trajectoryId, transforms };
}

async function arrowRows(path: string): Promise<unknown[]> {
  const table = await tableFromIPC(createReadStream(path));
  return table.toArray().map((row) => JSON.parse(JSON.stringify(row)));
}

async function otherArrow(path: string): Promise<void> {
  const { tableFromArrays, tableToIPC } = await import("apache-arrow");
  await writeFile(path, tableToIPC(tableFromArrays({ id: ["a"] }), "stream"));
}

async function duckdb(sql: string): Promise<{ rows: Record<string, unknown>[]; types: Record<string, string> }> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "500MB" });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    const types = Object.fromEntries(
      reader.columnNames().map((name, index) => [name, String(reader.columnType(index))]),
    );
    return { rows: reader.getRowObjectsJson() as Record<string, unknown>[], types };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function* breakingOff(): AsyncGenerator<Example> {
  yield* count(5);
  throw new Error("the line broke off");
}

async function cut(path: string, bytes: number): Promise<void> {
  const handle = await open(path, "r+");
  await handle.truncate(bytes);
  await handle.close();
}
