// Data that looks bad and is taken: one run over all of it, whose proposer asks pandas in a real sandbox to open what lies in /data.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type CliEnd, tracemill } from "../kit/cli.ts";
import { startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import type { Accepted } from "./case.ts";
import { goodConfig, goodTable } from "./run-case.ts";

/** A row with its own number in it, so that no two files are one dataset. */
const table = (mark: number) => `${goodTable}test,${mark},1\n`;

export const accepted: readonly Accepted[] = [
  { did: "a CSV with a byte order mark", name: "bom.csv", content: () => `\uFEFF${table(1)}`, rows: 5, columns: 3 },
  {
    did: "a CSV with Windows line ends",
    name: "windows.csv",
    content: () => table(2).replaceAll("\n", "\r\n"),
    rows: 5,
    columns: 3,
  },
  { did: "rows with too few values", name: "short.csv", content: () => `a,b,c\n1,2,3\n4\n5,6\n`, rows: 3, columns: 3 },
  { did: "duplicate column names", name: "twice.csv", content: () => "x,x,y\n1,2,3\n4,5,6\n", rows: 2, columns: 3 },
  { did: "empty column names", name: "nameless.csv", content: () => ",a,\n1,2,3\n4,5,6\n", rows: 2, columns: 3 },
  { did: "spaces in a file's name", name: "sales of 2026.csv", content: () => table(3), rows: 5, columns: 3 },
  { did: "quotes in a file's name", name: `it's "mine".csv`, content: () => table(4), rows: 5, columns: 3 },
  { did: "a file's name in other scripts", name: "größe-売上-😀.csv", content: () => table(5), rows: 5, columns: 3 },
  { did: "brackets and stars in a file's name", name: "a[1]{b}*.csv", content: () => table(6), rows: 5, columns: 3 },
];

/** Configs that look bad and are good; each says how its text comes from the YAML of a good one. */
export const acceptedConfigs: readonly { did: string; name: string; text: (config: object) => string }[] = [
  {
    did: "a config with a byte order mark and Windows line ends",
    name: "windows.yaml",
    text: (config) => `\uFEFF${stringify(config, { aliasDuplicateObjects: false }).replaceAll("\n", "\r\n")}`,
  },
  { did: "a config in JSON", name: "my.json", text: (config) => JSON.stringify(config, null, 2) },
  {
    did: "a config that shares a block by anchor and alias, and states its version",
    name: "anchors.yaml",
    text: (config) => stringify({ version: 1, ...config }),
  },
];

export const wide: Accepted = {
  did: "a CSV of 5,000 columns",
  name: "wide.csv",
  content: () => {
    const columns = Array.from({ length: 5000 }, (_, index) => index);
    return [columns.map((index) => `c${index}`), columns, columns.map((index) => index * 3)]
      .map((row) => row.join(","))
      .join("\n");
  },
  rows: 2,
  columns: 5000,
};

const look = `<reasoning>What is there?</reasoning>
<python>
import json, os
import pandas as pd
for name in sorted(os.listdir("/data")):
    print("OPENED " + json.dumps([name, *pd.read_csv("/data/" + name).shape]))
</python>`;

export interface AcceptedEnd extends CliEnd {
  /** Below /data/, as pandas in the sandbox opened it: name -> rows and columns. */
  readonly opened: ReadonlyMap<string, readonly [number, number]>;
}

/** Runs all of them at once, up to the proposers' last word. */
export async function runAccepted(files: readonly Accepted[]): Promise<AcceptedEnd> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-accepted-"));
  const opened = new Map<string, readonly [number, number]>();
  await using endpoint = await startFaultyEndpoint({
    answer: ({ messages }) => {
      const last = messages.at(-1)?.content ?? "";
      if (!last.includes("<information>")) return look;
      for (const [, json = ""] of last.matchAll(/^OPENED (.*)$/gm)) {
        const [name, rows, columns] = JSON.parse(json) as [string, number, number];
        opened.set(name, [rows, columns]);
      }
      return "<reasoning>Nothing to ask.</reasoning>\n<answer>[]</answer>";
    },
  });
  try {
    for (const { name, content } of files) await writeFile(join(folder, name), content());
    const config = { ...goodConfig(endpoint.baseUrl), datasets: files.map(({ name }) => `./${name}`) };
    await writeFile(join(folder, "my.yaml"), stringify(config, { aliasDuplicateObjects: false }));
    const end = await tracemill(["run", "my.yaml"], { cwd: folder, env: { HOME: folder } });
    return { ...end, opened };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
