import { DuckDBInstance } from "@duckdb/node-api";
import type { Renderer } from "../../src/contracts.ts";
import type { RlTask } from "../../src/domain/products.ts";
import { pythonTool } from "./export-fixtures.ts";

/** A word a token, those of trained messages with loss. */
export const wordRenderer: Renderer = {
  name: "words",
  identity: {},
  exact: false,
  render: ({ messages }) => messages.map(({ content, train }, message) => ({ text: content, message, trained: train })),
  count: ({ messages }) => messages.reduce((sum, { content }) => sum + content.split(" ").length, 0),
  tokenise({ messages }) {
    const tokens = messages.flatMap(({ content, train }) =>
      content.split(" ").map((word) => [word.length, train] as const),
    );
    return {
      inputIds: tokens.map(([id]) => id),
      attentionMask: tokens.map(() => 1),
      labels: tokens.map(([id, train]) => (train ? id : -100)),
    };
  },
};

/** A task to practise on; the odd ones have a file. */
export const rlTaskOf = (index: number, changes: Partial<RlTask> = {}): RlTask => ({
  id: `rl_${index}`,
  group: "g",
  dataset: "titanic",
  taskId: `task_${index}`,
  queryId: `query_${index}`,
  prompt: [
    { role: "system", content: "DS agent." },
    { role: "user", content: `Rows ${index} Ω?` },
  ],
  tools: [pythonTool],
  scaffold: "tools",
  files: index % 2 === 0 ? [] : [{ name: "titanic.csv", sha256: "ab", bytes: 2 ** 40 }],
  reference: { answer: String(index), metric: "exact", params: { decimals: 2 } },
  difficulty: null,
  tried: 4,
  accepted: 1,
  ...changes,
});

/** The rows of a query, as JSON. */
export async function duckdb(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
