// Measures whether profiling takes constant memory, and prints figures: `npm run bench:profile [-- <MB> <formats>]`. Every profile is made in a
// process of its own, of a file and one ten times its size, generated in a temporary folder that is removed.
import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { formatOf } from "../src/datasets/index.ts";
import { measureFile } from "../src/datasets/keep.ts";
import { profileDataset } from "../src/datasets/profile.ts";
import { hashOf } from "../src/domain/hash.ts";

/** Anonymous memory that a profile may take, of a file of any size. */
const limitMb = 768;
const cities = ["Berlin", "Bern", "Oslo", "Paris", "Prag", "Riga", "Rome", "Wien"];

/** Lines of an order table: unique numbers, many customers, days, prices, few cities, notes that hardly repeat. */
async function* orders(bytes: number): AsyncGenerator<string> {
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  yield "order_id,customer,day,price,city,note\n";
  let written = 0;
  for (let row = 1; written < bytes; ) {
    let lines = "";
    for (let line = 0; line < 5000; line++, row++) {
      lines += `${row},${Math.floor(draw() * 1e6)},2020-0${1 + (row % 9)}-1${row % 10},${(draw() * 1000).toFixed(2)},${cities[row % 8]},note number ${Math.floor(draw() * 1e9)}\n`;
    }
    written += lines.length;
    yield lines;
  }
}

const formats: Record<string, (csv: string, path: string) => Promise<void>> = {
  csv: async () => undefined,
  "csv.gz": (csv, path) => pipeline(createReadStream(csv), createGzip({ level: 1 }), createWriteStream(path)),
  jsonl: (csv, path) => convert(csv, path, "FORMAT json"),
  json: (csv, path) => convert(csv, path, "FORMAT json, ARRAY true"),
  parquet: (csv, path) => convert(csv, path, "FORMAT parquet"),
};

async function convert(csv: string, path: string, options: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "2GB", threads: "2" });
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT * FROM read_csv('${csv}')) TO '${path}' (${options})`);
  connection.closeSync();
  instance.closeSync();
}

interface Measured {
  readonly seconds: number;
  /** Highest anonymous memory seen, polled every 20 ms from outside; 0 where the platform does not tell. */
  readonly peakMb: number;
  readonly hash: string;
}

async function measure(path: string): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "--profile", path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let peakMb = 0;
  const poll = setInterval(() => {
    peakMb = Math.max(peakMb, anonymousMb(child.pid));
  }, 20);
  try {
    let hash = "";
    for await (const text of child.stdout.setEncoding("utf8")) hash += text;
    if (hash === "") throw new Error(`Expected a profile of ${path}, its process printed nothing`);
    return { seconds: (performance.now() - started) / 1000, peakMb: Math.round(peakMb), hash };
  } finally {
    clearInterval(poll);
  }
}

function anonymousMb(pid: number | undefined): number {
  try {
    return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch (error) {
    // The child ended between two polls, or there is no /proc here.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

async function bench(megabytes: number, wanted: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-bench-profile-"));
  try {
    for (const [extension, make] of Object.entries(formats)) {
      if (wanted.length > 0 && !wanted.includes(extension)) continue;
      const peaks: number[] = [];
      for (const size of [megabytes, megabytes * 10]) {
        const csv = join(folder, "orders.csv");
        await pipeline(Readable.from(orders(size * 1e6)), createWriteStream(csv));
        const path = join(folder, `orders.${extension}`);
        await make(csv, path);
        if (path !== csv) await rm(csv);
        const { seconds, peakMb } = await measure(path);
        const megabytesOnDisk = Math.round((await stat(path)).size / 1e6);
        console.log(
          `${extension.padEnd(8)} ${String(megabytesOnDisk).padStart(5)} MB  peak ${String(peakMb).padStart(4)} MB  ${seconds.toFixed(1)} s`,
        );
        peaks.push(peakMb);
        await rm(path);
      }
      const [small = 0, large = 0] = peaks;
      console.log(
        `${extension.padEnd(8)} ten times the size: x${(large / small).toFixed(2)} memory, ${large} MB  limit ${limitMb} MB  ${large < limitMb ? "ok" : "TOO MUCH"}`,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [first, ...rest] = process.argv.slice(2);
const [path] = rest;
if (first === "--profile" && path !== undefined) {
  const format = formatOf(path);
  if (format === undefined) throw new Error(`Expected a data file, got ${path}`);
  const file = { name: path, format, ...(await measureFile(path)) };
  const profile = await profileDataset({ id: "dataset_bench", name: "bench", files: [file] }, dirname(path));
  process.stdout.write(hashOf(profile));
} else {
  await bench(Number(first ?? 200), rest);
}
