// The offline teacher behind the endpoint that breaks as told, and the `models:` entry that reaches it.
import { serveTeacher } from "../../src/models/offline-teacher/server.ts";
import { type ChatBody, type Fault, type FaultyEndpoint, startFaultyEndpoint } from "./faulty-endpoint.ts";

/** Serves the teacher's own answers except where `faults` says what goes wrong; `before` runs before each answer and may wait. */
export async function teacherEndpoint(
  options: {
    faults?: (body: ChatBody, index: number) => Fault | null;
    before?: (index: number) => Promise<void> | void;
    /** Told of every whole answer that is handed over. */
    seen?: (answer: { readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } }) => void;
  } = {},
): Promise<FaultyEndpoint> {
  // Runs are compared byte for byte: code that draws lots could pass in one of them only.
  const teacher = await serveTeacher({ port: 0, errorRates: { nondeterministic_code: 0 } });
  const endpoint = await startFaultyEndpoint({
    ...(options.faults && { faults: options.faults }),
    async answer(body, index) {
      await options.before?.(index);
      const answer = await fetch(`${teacher.url}/chat/completions`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
      const whole = (await answer.json()) as Record<string, unknown>;
      if ((options.faults?.(body, index) ?? null) === null) options.seen?.(whole as never);
      return { body: whole };
    },
  });
  return {
    ...endpoint,
    async [Symbol.asyncDispose]() {
      await endpoint[Symbol.asyncDispose]();
      await teacher.close();
    },
  };
}

/** A model behind that endpoint: the same model whatever the port, tried twice and quickly, given up after five seconds. */
export function modelAt(baseUrl: string, more: object = {}): object {
  return {
    provider: "openai-compatible",
    baseUrl,
    model: "offline-teacher",
    sendsSeed: true, // so that two samples of one request are two bodies in the log
    rememberAs: "the-endpoint",
    concurrency: 8,
    maxRetries: 1,
    retries: { firstWaitSeconds: 0.05, totalSeconds: 5 },
    ...more,
  };
}

/** `--set` changes that lead every alias of a small run to another address. */
export function setBaseUrl(baseUrl: string): string[] {
  return ["proposer", "teacher", "judge"].map((alias) => `models.${alias}.baseUrl=${baseUrl}`);
}

/** Resolves once `condition` holds. @throws {Error} when it does not within a minute. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 3_000) throw new Error(`Expected this to come true within a minute: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One table, ten questions, one attempt each: about forty requests. */
export const tinyConfig = {
  datasets: ["package:vega-datasets/data/cars.json"],
  sandbox: { concurrency: 3, memoryMb: 1024, stepTimeoutSeconds: 60 },
  propose: { explorations: 1, questions: 10, maxTurns: 12, concurrency: 3 },
  rollouts: { attempts: 1, maxTurns: 10, concurrency: 2 },
  select: { target: 2 },
};
