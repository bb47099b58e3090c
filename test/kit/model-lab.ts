// Everything a model needs around it, real where it can be: a store in a folder of its own, its remember, a meter, admissions.
// Only waiting is not real: waits are noted and end at once.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Completion, Model } from "../../src/contracts.ts";
import type { Message } from "../../src/domain/trajectory.ts";
import { createRecall, createRemember } from "../../src/engine/remember.ts";
import { openStore } from "../../src/engine/store.ts";
import { createAdmissions } from "../../src/models/admission.ts";
import { createMeter, type Meter } from "../../src/models/meter.ts";
import { modelConfig, openModels } from "../../src/models/open.ts";

export interface ModelLab extends AsyncDisposable {
  readonly folder: string;
  readonly meter: Meter;
  /** Milliseconds of every wait between tries, in order. */
  readonly waits: readonly number[];
  /** Lines said to people, in order. */
  readonly said: readonly string[];
  /** Models as a config names them, by alias. */
  open(configs: Record<string, unknown>): Promise<Record<string, Model>>;
}

/** A lab on a new folder, or on the folder of an earlier one, as a second run of the same command would be. */
export async function startModelLab(
  options: { folder?: string; env?: Record<string, string>; realWaits?: boolean } = {},
): Promise<ModelLab> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "tracemill-models-")));
  const store = await openStore(join(folder, "store"));
  const meter = createMeter();
  const waits: number[] = [];
  const said: string[] = [];
  const opened: AsyncDisposable[] = [];
  const sleep = async (ms: number, signal: AbortSignal) => {
    waits.push(ms);
    signal.throwIfAborted();
  };
  const deps = {
    remember: createRemember(store),
    recall: createRecall(store),
    lease: (key: string, signal: AbortSignal) => store.lease(key, signal),
    say: (line: string) => void said.push(line),
    meter,
    admissions: createAdmissions(options.realWaits ? {} : { sleep: async () => {} }),
    env: options.env ?? {},
    random: () => 0.5,
    ...(options.realWaits ? {} : { sleep }),
  };
  return {
    folder,
    meter,
    waits,
    said,
    async open(configs) {
      const parsed = Object.entries(configs).map(([alias, config]) => [alias, modelConfig.parse(config)] as const);
      const models = await openModels(Object.fromEntries(parsed), deps);
      opened.push(models);
      return Object.fromEntries(models.all.map((model) => [model.name, model]));
    },
    async [Symbol.asyncDispose]() {
      for (const models of opened) await models[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      if (options.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}

/** A chat request of one user message. */
export function ask(content: string): { messages: Message[] } {
  return { messages: [{ role: "user", content }] };
}

/** So many different requests at once, the same each time this is called. */
export function askEach(model: Model, count: number): Promise<Completion[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      model.complete(ask(`question ${index}`), { sample: 0, signal: new AbortController().signal }),
    ),
  );
}

/** The text of an error and of everything below it that could be printed. */
export function wholeText(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  return [
    error.message,
    error.stack,
    JSON.stringify({ ...error }),
    error.cause === undefined ? "" : wholeText(error.cause),
  ].join("\n");
}
