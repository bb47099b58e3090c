// The words of `node dist/hostile/main.js`.
import { parseArgs } from "node:util";
import { UsageError } from "../src/domain/errors.ts";
import type { HostileCase } from "./case.ts";
import type { Bounds } from "./conditions.ts";
import { ways } from "./target.ts";

export interface Options {
  readonly targets: readonly string[];
  readonly rows: ReadonlySet<number> | null;
  readonly only: string | null;
  readonly slice: boolean;
  readonly json: string | null;
  readonly writeDocs: boolean;
  readonly stepTimeoutSeconds: number;
  readonly bounds: Bounds;
}

export const usage = `node dist/hostile/main.js [options]
  --target NAME        one of: ${ways.map(({ name }) => name).join(", ")}; again for more; all where left out
  --rows 1,3-5         rows of the catalogue
  --case TEXT          cases whose name holds this
  --slice              what .ci/run runs: the first quick case of every kind, on docker and bubblewrap
  --json FILE          the report as JSON
  --write-docs         writes docs/hostile.md from this run, which must be of all rows on all targets to be worth reading
  --step-seconds N     the time limit of a step (5; 12 with --slice, whose cases all end by themselves)
  --innocents N        honest sessions beside every case (8)
  --latency-factor N   how many times slower their p95 may be than beside nothing (20)
  --latency-floor N    never held against them below so many milliseconds (1000)
  --host-rss-mb N      what the host process may hold (400)
  --host-disk-mb N     what the host's disks may lose meanwhile (1024)`;

/** @throws {UsageError} for words that cannot be read. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const known = ways.map(({ name }) => name);
  const targets = values.target ?? (values.slice ? known.filter((name) => name !== "docker+runsc") : known);
  for (const name of targets)
    if (!known.includes(name)) throw new UsageError(`Expected --target ${known.join(" | ")}, got \`${name}\``);
  const number = (name: string, text: string | undefined, otherwise: number) => {
    const value = text === undefined ? otherwise : Number(text);
    if (!(value >= 0)) throw new UsageError(`Expected a number for --${name}, got \`${text}\``);
    return value;
  };
  return {
    targets,
    rows: values.rows === undefined ? null : readRows(values.rows),
    only: values.case ?? null,
    slice: values.slice ?? false,
    json: values.json ?? null,
    writeDocs: values["write-docs"] ?? false,
    stepTimeoutSeconds: number("step-seconds", values["step-seconds"], values.slice ? 12 : 5),
    bounds: {
      innocents: number("innocents", values.innocents, 8),
      aloneMs: values.slice ? 1000 : 5000,
      latencyFactor: number("latency-factor", values["latency-factor"], 20),
      latencyFloorMs: number("latency-floor", values["latency-floor"], 1000),
      hostRssMb: number("host-rss-mb", values["host-rss-mb"], 400),
      hostDiskMb: number("host-disk-mb", values["host-disk-mb"], 1024),
      cleanWithinMs: 10_000,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    const text = { type: "string" } as const;
    return parseArgs({
      args: [...args],
      options: {
        target: { ...text, multiple: true },
        rows: text,
        case: text,
        slice: { type: "boolean" },
        json: text,
        "write-docs": { type: "boolean" },
        "step-seconds": text,
        innocents: text,
        "latency-factor": text,
        "latency-floor": text,
        "host-rss-mb": text,
        "host-disk-mb": text,
      },
    });
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n${usage}`, { cause });
  }
}

function readRows(text: string): Set<number> {
  const rows = text.split(",").flatMap((part) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    if (from === undefined) throw new UsageError(`Expected --rows like 1,3-5, got \`${text}\``);
    const first = Number(from);
    return Array.from({ length: Number(to ?? from) - first + 1 }, (_, index) => first + index);
  });
  return new Set(rows);
}

/** The cases that were asked for, in the list's order. @throws {UsageError} when there is none. */
export function chosen(cases: readonly HostileCase[], { rows, only, slice }: Options): HostileCase[] {
  const asked = cases.filter(
    (entry) => (rows === null || rows.has(entry.row)) && (only === null || entry.name.includes(only)),
  );
  const quick = asked.filter((entry) => entry.slow !== true);
  const found = slice
    ? quick.filter(({ kind }, index) => quick.findIndex((entry) => entry.kind === kind) === index)
    : asked;
  if (found.length === 0) throw new UsageError("Expected cases to run, none is chosen: see --rows and --case");
  return found;
}
