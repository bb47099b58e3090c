// What `npm run bench:export` measures, each in a process of its own. Examples are made as they are asked for, the same each time.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Exporter, Renderer, WriteOptions } from "../src/contracts.ts";
import type { Example, ExampleMessage } from "../src/domain/example.ts";
import { exampleExporters } from "../src/exports/index.ts";

/** What one writer did with `rows` examples. */
export interface ExportFigures {
  readonly rowsPerSecond: number;
  /** Peak resident memory of the whole process, in MB (1e6 bytes). */
  readonly peakMb: number;
  readonly fileMb: number;
}

const words =
  "the column has missing values so they are left out before mean median df groupby print len sum price age 0.25 17 1024 = ( ) . \n as question asks for readings only station year count rows merge on key error traceback line float int".split(
    " ",
  );
// 200,000 characters that do not repeat, so that a writer compresses them as it would real text.
const filler = (() => {
  let state = 1;
  let made = "";
  while (made.length < 200_000) {
    state = (state * 48_271) % 2_147_483_647;
    made += `${words[state % words.length]} ${state % 7 === 0 ? state % 10_000 : ""}`;
  }
  return made;
})();
// Eight messages, about 2,900 characters an example: three cells with what they printed, and an answer.
const turns = [
  ["user", 360],
  ["assistant", 420],
  ["user", 380],
  ["assistant", 420],
  ["user", 380],
  ["assistant", 420],
  ["user", 380],
  ["assistant", 100],
] as const;
const conversation = turns.map(([role, length], turn) => ({ role, length, turn }));

function messageOf(index: number, { role, length, turn }: (typeof conversation)[number]): ExampleMessage {
  const from = (index * 7_919 + turn * 104_729) % 190_000;
  return { role, content: `${index}.${turn} ${filler.slice(from, from + length)}`, train: role === "assistant" };
}

async function* examples(rows: number): AsyncGenerator<Example> {
  for (let index = 0; index < rows; index += 1) {
    yield {
      id: `example_${String(index).padStart(9, "0")}`,
      group: `dataset_${index % 50}`,
      taskId: `task_${index}`,
      queryId: `query_${index}`,
      trajectoryId: `trajectory_${index}`,
      transforms: [],
      messages: conversation.map((turn) => messageOf(index, turn)),
    };
  }
}

// A token for four characters, and no time taken: what is measured is the writing.
const quick: Renderer = {
  name: "quick",
  identity: {},
  exact: false,
  render: () => [],
  count: ({ messages }) => messages.reduce((sum, { content }) => sum + (content.length >> 2), 0),
  tokenise({ messages }) {
    const inputIds: number[] = [];
    const labels: number[] = [];
    for (const { content, train } of messages)
      for (let at = 0; at + 4 <= content.length; at += 4) {
        const id = (content.charCodeAt(at) * 1_009 + content.charCodeAt(at + 2)) % 150_000;
        inputIds.push(id);
        labels.push(train ? id : -100);
      }
    return { inputIds, attentionMask: inputIds.map(() => 1), labels };
  },
};

type Workload = (rows: number) => Promise<ExportFigures>;

function ours(name: string, options: Omit<WriteOptions<Example>, "placed"> = {}): Workload {
  return async (rows) => {
    const exporter = exampleExporters.find((each) => each.name === name) as Exporter;
    return inFolder(rows, async (path) => (await exporter.write(examples(rows), path, options)).bytes);
  };
}

/** DuckDB's COPY of the same rows, made in SQL, on one thread. */
function duckdb(format: string): Workload {
  return (rows) =>
    inFolder(rows, async (path) => {
      const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
      const connection = await instance.connect();
      const messages = conversation.map(
        ({ role, length, turn }) =>
          `{role: '${role}', content: i || '.${turn} ' || substr(filler, 1 + ((i * 7919 + ${turn * 104_729}) % 190000)::INTEGER, ${length}), weight: ${role === "assistant" ? 1 : "NULL::INTEGER"}}`,
      );
      await connection.run(`COPY (SELECT 'example_' || lpad(i::VARCHAR, 9, '0') AS id, [${messages.join(", ")}] AS messages,
        'dataset_' || i % 50 AS "group", 'task_' || i AS task_id, 'query_' || i AS query_id, 'trajectory_' || i AS trajectory_id,
        []::VARCHAR[] AS transforms FROM range(${rows}) t(i), (SELECT '${filler}' AS filler)) TO '${path}' (FORMAT ${format})`);
      connection.closeSync();
      instance.closeSync();
      const { statSync } = await import("node:fs");
      return statSync(path).size;
    });
}

/** The workloads, by the name they are printed under. */
export const exportWorkloads: Readonly<Record<string, Workload>> = {
  "chat-jsonl": ours("chat-jsonl"),
  parquet: ours("parquet"),
  "parquet, parquetjs-lite": ours("parquet", { parquetEngine: "parquetjs-lite" }),
  "parquet-json": ours("parquet-json"),
  "verl-sft": ours("verl-sft"),
  tokenised: ours("tokenised", { renderer: quick }),
  arrow: ours("arrow"),
  "DuckDB COPY, Parquet": duckdb("parquet, COMPRESSION snappy"),
  "DuckDB COPY, JSON": duckdb("json"),
};

async function inFolder(rows: number, write: (path: string) => Promise<number>): Promise<ExportFigures> {
  const folder = mkdtempSync(join(tmpdir(), "tracemill-bench-export-"));
  try {
    const started = process.hrtime.bigint();
    const bytes = await write(join(folder, "file"));
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const peakMb = (process.resourceUsage().maxRSS * 1024) / 1e6;
    return { rowsPerSecond: rows / seconds, peakMb, fileMb: bytes / 1e6 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
