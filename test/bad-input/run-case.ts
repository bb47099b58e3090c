// Sets a case up in a folder of its own, types the command, and tells what it said with paths and ports made the same everywhere.
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { packageRoot, packageVersion } from "../../src/package.ts";
import { type CliEnd, tracemill } from "../kit/cli.ts";
import { type FaultyEndpointOptions, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import type { Place, Typed } from "./case.ts";

export const goodTable = "name,year,weight\nford,1970,3504\nfiat,1971,2130\nsaab,1972,2660\nford,1973,3329\n";

/** A config of the SFT recipe with nothing wrong in it, all models at one endpoint. */
export function goodConfig(baseUrl: string): Record<string, unknown> {
  const model = {
    provider: "openai-compatible",
    baseUrl,
    model: "some-model",
    maxRetries: 1,
    retries: { firstWaitSeconds: 0.01 },
  };
  return {
    recipe: "sft",
    datasets: ["./cars.csv"],
    models: { proposer: model, teacher: model, judge: model },
    propose: { explorations: 1, questions: 2, maxTurns: 3 },
    rollouts: { attempts: 1, maxTurns: 3 },
    screen: { maxStepErrors: 1 },
    sandbox: { preimport: [] },
    judge: {},
    accept: { mean: 0.5, each: 0.2 },
    select: { target: 1 },
  };
}

export interface CaseEnd extends CliEnd {
  /** What it said from `tracemill:` on, paths and ports normalised. */
  readonly said: string;
  /** Chat completions that were asked for. */
  readonly requests: number;
  readonly madeRun: boolean;
}

/** Runs one case from an empty folder to an empty folder. */
export async function runCase(
  arrange: (place: Place) => Typed | Promise<Typed>,
  endpointOptions: FaultyEndpointOptions = {},
): Promise<CaseEnd> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "tracemill-bad-")));
  const endpoint = await startFaultyEndpoint(endpointOptions);
  const undos: (() => unknown)[] = [];
  const place: Place = {
    folder,
    baseUrl: endpoint.baseUrl,
    async write(name, content) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    atEnd: (undo) => void undos.push(undo),
  };
  try {
    await place.write("cars.csv", goodTable);
    const typed = await arrange(place);
    const text =
      typed.yaml ?? stringify({ ...goodConfig(endpoint.baseUrl), ...typed.config }, { aliasDuplicateObjects: false });
    if (!existsSync(join(folder, "my.yaml"))) await place.write("my.yaml", text);
    if (typed.as !== undefined) await giveTo(folder, typed.as);
    const end = await tracemill(typed.args ?? ["run", "my.yaml"], {
      cwd: folder,
      env: { HOME: folder, ...typed.env },
      ...(typed.as !== undefined && { as: typed.as }),
      ...(typed.through !== undefined && { through: typed.through }),
      ...(typed.preload !== undefined && { preload: typed.preload }),
    });
    return {
      ...end,
      said: normalised(end.stderr.slice(Math.max(0, end.stderr.search(/^tracemill: /m))), folder),
      requests: endpoint.requests.length,
      madeRun: existsSync(join(folder, "output/runs")),
    };
  } finally {
    for (const undo of undos.reverse()) await undo();
    await endpoint[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the folder another user's, but not what a case has taken that user's rights from. */
async function giveTo(folder: string, user: number): Promise<void> {
  await chown(folder, user, user);
  for (const name of await readdir(folder)) {
    if (!name.startsWith("closed")) await chown(join(folder, name), user, user);
  }
}

function normalised(text: string, folder: string): string {
  return text
    .trim()
    .replace(/^tracemill: /, "")
    .replaceAll(folder, "/home/you/work")
    .replaceAll(packageRoot().replace(/\/$/, ""), "/home/you/tracemill")
    .replaceAll(packageVersion(), "0.0.0")
    .replaceAll(process.execPath, "/usr/bin/node")
    .replaceAll("EAI_AGAIN", "ENOTFOUND") // a machine without any name server
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:8000")
    .replaceAll(/localhost:\d+/g, "localhost:8000");
}
