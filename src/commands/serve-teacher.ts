import { once } from "node:events";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { UsageError } from "../domain/errors.ts";
import { defaultErrorRates, type ErrorRates, errorKinds } from "../models/offline-teacher/conversation.ts";
import { serveTeacher } from "../models/offline-teacher/server.ts";

interface Options {
  port: number;
  host: string;
  apiKeyEnv?: string | undefined;
  log?: string | undefined;
  truthLog?: string | undefined;
  errorRate?: string[] | undefined;
}

export function builder(argv: Argv): Argv {
  return argv
    .option("port", { type: "number", default: 8089, describe: "Port to listen on; 0 takes a free one" })
    .option("host", { type: "string", default: "127.0.0.1", describe: "Address to listen on" })
    .option("api-key-env", {
      type: "string",
      requiresArg: true,
      describe: "Environment variable with the key that every request has to carry; without it none is asked for",
    })
    .option("log", { type: "string", describe: "JSONL file for a line per request received and answered" })
    .option("truth-log", { type: "string", describe: "JSONL file for the planted errors; for tests" })
    .option("error-rate", {
      type: "string",
      array: true,
      describe: `Share of answers with a planted error, as kind=rate; \`all=0\` turns every kind off. Kinds: ${errorKinds.join(", ")}`,
    });
}

/** Serves until interrupted. */
export async function handler(options: ArgumentsCamelCase<Options>): Promise<void> {
  const { port, host, log, truthLog } = options;
  const server = await serveTeacher({
    port,
    host,
    errorRates: readRates(options.errorRate ?? []),
    ...(options.apiKeyEnv === undefined ? {} : { apiKey: readKey(options.apiKeyEnv) }),
    ...(log === undefined ? {} : { log }),
    ...(truthLog === undefined ? {} : { truthLog }),
  });
  console.log(`The offline teacher answers at ${server.url} as model \`offline-teacher\`.`);
  console.log("It is a program, not an LLM: it knows Tracemill's own prompts and nothing else. Ctrl-C stops it.");
  if (options.apiKeyEnv !== undefined) console.log(`Requests need the key in ${options.apiKeyEnv}.`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await server.close();
}

function readKey(name: string): string {
  const key = process.env[name];
  // Anything else would be sent as another header than it is compared with, and every request refused.
  if (key === undefined || !/^[!-~]+$/.test(key)) {
    throw new UsageError(
      `Expected the environment variable \`${name}\` (--api-key-env) to hold a key of printable ASCII without spaces, got ${
        key ? "something else" : "none"
      }. Set it with: export ${name}=…`,
    );
  }
  return key;
}

function readRates(settings: readonly string[]): Partial<ErrorRates> {
  const rates: Record<string, number> = {};
  for (const setting of settings) {
    const [, kind = "", share = ""] = /^(\w+)=(\d*\.?\d+)$/.exec(setting) ?? [];
    const value = Number(share);
    if (share === "" || value > 1 || (kind !== "all" && !(kind in defaultErrorRates))) {
      throw new UsageError(
        `Expected --error-rate to be kind=rate with a rate from 0 to 1 and a kind among all, ${errorKinds.join(", ")}, got \`${setting}\``,
      );
    }
    for (const one of kind === "all" ? errorKinds : [kind]) rates[one] = value;
  }
  return rates;
}
