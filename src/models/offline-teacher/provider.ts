import { z } from "zod";
import { hashOf } from "../../domain/hash.ts";
import { openAiCompatible } from "../openai-compatible.ts";
import type { Provider } from "../provider.ts";
import { defaultErrorRates, errorKinds } from "./conversation.ts";

const rate = z.number().min(0).max(1);
const schema = z.strictObject({
  provider: z.literal("offline-teacher"),
  transport: z.literal("http").default("http"),
  seed: z.number().int().default(0),
  concurrency: z.number().int().positive().default(16),
  /** Shares of answers with a planted error, by kind; docs/offline-teacher.md lists the kinds and their defaults. */
  errorRates: z.partialRecord(z.enum(errorKinds), rate).default({}),
});

/**
 * The offline teacher, a program and not an LLM, behind a loopback server of its own: requests go through the same client, limits
 * and retries as those to a real endpoint. TRACEMILL_TEACHER_LOG and TRACEMILL_TRUTH_LOG name log files for tests.
 */
export const offlineTeacher: Provider<typeof schema> = {
  name: "offline-teacher",
  about: "a program, not an LLM: the whole line without an endpoint, for a look and for tests",
  schema,
  async create(alias, config, deps) {
    // Eighty files, so only where a model is made.
    const [{ serveTeacher }, { teacherModel, teacherVersion }] = await Promise.all([
      import("./server.ts"),
      import("./teacher.ts"),
    ]);
    const log = deps.env.TRACEMILL_TEACHER_LOG;
    const truthLog = deps.env.TRACEMILL_TRUTH_LOG;
    const errorRates = Object.fromEntries(
      errorKinds.map((kind) => [kind, config.errorRates[kind] ?? defaultErrorRates[kind]]),
    );
    const server = await serveTeacher({
      errorRates,
      ...(log === undefined ? {} : { log }),
      ...(truthLog === undefined ? {} : { truthLog }),
    });
    // What it answers depends on its version and rates, never on the port it got.
    const rememberAs = `a program, not an LLM (version ${teacherVersion}, error rates ${hashOf(errorRates).slice(0, 8)})`;
    try {
      const opened = await openAiCompatible.create(
        alias,
        openAiCompatible.schema.parse({
          provider: "openai-compatible",
          baseUrl: server.url,
          model: teacherModel,
          apiKeyEnv: null,
          seed: config.seed,
          sendsSeed: true,
          rememberAs,
          price: { inputPerMillion: 0, outputPerMillion: 0, asOf: "2026-01-01" }, // It runs here: free, on any day.
          concurrency: config.concurrency,
        }),
        deps,
      );
      return {
        ...opened,
        async close() {
          await opened.close();
          await server.close();
        },
      };
    } catch (error) {
      await server.close();
      throw error;
    }
  },
};
