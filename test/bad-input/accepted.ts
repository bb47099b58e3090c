// Data that looks bad and is taken: one run over all of it, whose proposer asks pandas in a real sandbox to open what lies in /data.
import { existsSync, readFileSync } from "node:fs";
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

/** Megabytes of the big table: 2048 where TRACEMILL_BIG_FILES=1 is set, another number where it says one, else none is made. */
export const bigMb =
  { "": 0, "1": 2048 }[process.env.TRACEMILL_BIG_FILES ?? ""] ?? Number(process.env.TRACEMILL_BIG_FILES);
const bigRows = bigMb * 20_000;

export const big: Accepted = {
  did: "a CSV of 2 GB, in less than 1.5 GB of memory",
  name: "big.csv",
  *content() {
    yield "id,when,group,amount,note\n";
    for (let start = 0; start < bigRows; start += 10_000) {
      let part = "";
      // 52 bytes a row, all rows of one length.
      for (let row = start; row < start + 10_000; row++) {
        const padded = String(row).padStart(10, "0");
        part += `${padded},2026-01-${String(1 + (row % 28)).padStart(2, "0")},g${row % 7},${(row % 9000) + 1000}.25,note ${padded}\n`;
      }
      yield part;
    }
  },
  rows: bigRows,
  columns: 5,
};

const look = `<reasoning>What is there?</reasoning>
<python>
import json, os
import pandas as pd
for name in sorted(os.listdir("/data")):
    parts = [part.shape for part in pd.read_csv("/data/" + name, chunksize=100_000)]
    print("OPENED " + json.dumps([name, sum(rows for rows, _ in parts), parts[0][1]]))
</python>`;

export interface AcceptedEnd extends CliEnd {
  /** Below /data/, as pandas in the sandbox opened it: name -> rows and columns. */
  readonly opened: ReadonlyMap<string, readonly [number, number]>;
  /** The most memory that the command's process held, in MB, looked at ten times a second. */
  readonly peakMb: number;
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
    const config = {
      ...goodConfig(endpoint.baseUrl),
      datasets: files.map(({ name }) => `./${name}`),
      sandbox: { preimport: [], stepTimeoutSeconds: 900 },
    };
    await writeFile(join(folder, "my.yaml"), stringify(config, { aliasDuplicateObjects: false }));
    let peakMb = 0;
    let looking: NodeJS.Timeout | undefined;
    const look = (pid: number) => {
      const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
      peakMb = Math.max(peakMb, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    };
    const end = await tracemill(["run", "my.yaml"], {
      cwd: folder,
      env: { HOME: folder },
      started: (pid) => {
        looking = setInterval(look, 100, pid);
      },
    });
    clearInterval(looking);
    return { ...end, opened, peakMb };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
