// Measures the writing of training files: `npm run bench:export -- [fewer rows] [more rows] [names, with semicolons between]`.
// Each writer runs in a process of its own. Its peak memory with more rows over that with fewer has a limit.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ExportFigures, exportWorkloads } from "./export-workloads.ts";

const memoryLimit = 1.3;

async function measure(name: string, rows: number): Promise<ExportFigures> {
  const words = [fileURLToPath(import.meta.url), "--workload", name, String(rows)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) printed += chunk;
  if (printed === "") throw new Error(`Expected figures from the workload ${name}, it printed nothing`);
  return JSON.parse(printed);
}

const [first, second, third] = process.argv.slice(2);
if (first === "--workload") {
  const workload = exportWorkloads[second ?? ""];
  if (workload === undefined)
    throw new Error(`Expected one of ${Object.keys(exportWorkloads).join("; ")}, got ${second}`);
  process.stdout.write(JSON.stringify(await workload(Number(third))));
} else {
  const [fewer, more] = [Number(first ?? 100_000), Number(second ?? 1_000_000)];
  const names = third === undefined ? Object.keys(exportWorkloads) : third.split(";");
  console.log(
    `| written by | rows/s at ${fewer} | rows/s at ${more} | MB of file | peak MB at ${fewer} | at ${more} | ratio |`,
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const speeds = new Map<string, number>();
  for (const name of names) {
    const [few, many] = [await measure(name, fewer), await measure(name, more)];
    speeds.set(name, many.rowsPerSecond);
    const ratio = many.peakMb / few.peakMb;
    // DuckDB is there to compare with; its memory is its own.
    const held = name.startsWith("DuckDB") || ratio <= memoryLimit;
    if (!held) process.exitCode = 1;
    const figures = [few.rowsPerSecond, many.rowsPerSecond, many.fileMb, few.peakMb, many.peakMb];
    console.log(
      `| ${name} | ${figures.map((figure) => figure.toFixed(0)).join(" | ")} | ${ratio.toFixed(2)}${held ? "" : ` TOO MUCH (limit ${memoryLimit})`} |`,
    );
  }
  for (const [name, speed] of speeds) {
    const beside = speeds.get(name === "chat-jsonl" ? "DuckDB COPY, JSON" : "DuckDB COPY, Parquet");
    if (beside !== undefined && !name.startsWith("DuckDB"))
      console.log(`${name}: ${(speed / beside).toFixed(2)} of DuckDB's speed`);
  }
}
