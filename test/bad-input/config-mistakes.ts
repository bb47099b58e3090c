import type { ConfigMistake } from "./case.ts";

const model = (alias: "proposer" | "teacher" | "judge", options: object) => ({ models: { [alias]: options } });
const price = { inputPerMillion: 1, outputPerMillion: 2 };

/** Wrong options; those of one list are told by one command. No two of a list touch one key. */
export const configMistakes: readonly (readonly ConfigMistake[])[] = [
  [
    {
      did: "an unknown key, near a known one",
      config: { rollout: { attempts: 2 } },
      at: "rollout",
      said: /unknown key; did you mean `rollouts`\?/,
    },
    {
      did: "an unknown key, far from any",
      config: { sandbox: { colour: 1 } },
      at: "sandbox.colour",
      said: /unknown key; expected one of .*`memoryMb`/,
    },
    {
      did: "a wrong type",
      config: { judge: { votes: "three" } },
      at: "judge.votes",
      said: /expected a number, got `"three"`/,
    },
    {
      did: "a number written as a text",
      config: { select: { target: "8" } },
      at: "select.target",
      said: /expected a number, got `"8"`: write it without quotes/,
    },
    {
      did: "a format that does not exist",
      config: { export: { formats: ["csv"] } },
      at: "export.formats.0",
      said: /one of `chat-jsonl`, .*`parquet`.*, got `"csv"`/,
    },
    {
      did: "a misspelt name",
      config: { scaffold: "reakt" },
      at: "scaffold",
      said: /`react`, `tools`, `code-act`, got `"reakt"`; did you mean `react`\?/,
    },
    {
      did: "k = 0 (no attempts)",
      config: { rollouts: { attempts: 0, maxTurns: 5 } },
      at: "rollouts.attempts",
      said: /expected at least 1, got `0`/,
    },
    {
      did: "a negative threshold",
      config: { accept: { mean: -1, each: 0 } },
      at: "accept.mean",
      said: /expected at least 0, got `-1`/,
    },
    {
      did: "no datasets: `datasets: []`",
      config: { datasets: [] },
      at: "datasets",
      said: /at least one file, folder or glob, got `\[\]`/,
    },
    {
      did: "the price of a model without its date",
      config: model("teacher", { price }),
      at: "models.teacher.price.asOf",
      said: /missing; expected a date .*2026-/,
    },
  ],
  [
    {
      did: "a sandbox backend that does not exist",
      config: { sandbox: { backend: "vm" } },
      at: "sandbox.backend",
      said: /one of `auto`, `docker`, `bubblewrap`, got `"vm"`/,
    },
    {
      did: "a budget without a limit",
      config: { budget: { stages: { rollouts: {} } } },
      at: "budget",
      said: /expected at least one limit: `usd`, `requests`, `tokens` or `hours`/,
    },
    {
      did: "a share above 1",
      config: { accept: { mean: 80, each: 0 } },
      at: "accept.mean",
      said: /expected at most 1, got `80`/,
    },
    {
      did: "huge concurrency",
      config: { rollouts: { attempts: 1, maxTurns: 5, concurrency: 1e9 } },
      at: "rollouts.concurrency",
      said: /expected at most 10000, got `1000000000`/,
    },
    {
      did: "a fraction where a count is meant",
      config: { select: { target: 1.5 } },
      at: "select.target",
      said: /expected a whole number, got `1.5`/,
    },
    { did: "a section left out", config: { screen: undefined }, at: "screen", said: /missing; expected a map of keys/ },
    {
      did: "a section left empty (`judge:`)",
      config: { judge: null },
      at: "judge",
      said: /expected a map of keys, got `null`: fill it in, or write `\{\}`/,
    },
    {
      did: "an API key in the config",
      config: model("teacher", { apiKey: "sk-live-1234567890abcdef" }),
      at: "models.teacher.apiKey",
      said: /a config holds no API keys; write `apiKeyEnv:`/,
      never: /sk-live/,
    },
    {
      did: "the tries of a model by their former name",
      config: model("judge", { retries: { attempts: 6 } }),
      at: "models.judge.retries.attempts",
      said: /expected the model's own option `maxRetries` instead, .*`attempts: 6` is `maxRetries: 5`.*got `6`/,
    },
    {
      did: "a dataset entry that is neither path nor map",
      config: { datasets: [7] },
      at: "datasets.0",
      said: /expected a text or a map of keys, got `7`/,
    },
  ],
  [
    {
      did: "an API key itself where `apiKeyEnv` wants the name of a variable",
      config: model("proposer", { apiKeyEnv: "sk-live-1234567890abcdef" }),
      at: "models.proposer.apiKeyEnv",
      said: /the name of an environment variable.*export/,
      never: /sk-live/,
    },
    {
      did: "`baseUrl` without http:// or https://",
      config: model("proposer", { baseUrl: "localhost:8000/v1" }),
      at: "models.proposer.baseUrl",
      said: /begins with http:\/\/ or https:\/\/, got `"localhost:8000\/v1"`/,
    },
    {
      did: "`baseUrl` with /chat/completions at its end",
      config: model("teacher", { baseUrl: "http://127.0.0.1:9/v1/chat/completions" }),
      at: "models.teacher.baseUrl",
      said: /without \/chat\/completions, which is added/,
    },
    {
      did: "the option that `refuses` replaced",
      config: model("judge", { sendsStop: false }),
      at: "models.judge.sendsStop",
      said: /write `refuses: \[stop\]`/,
    },
    {
      did: "a family of endpoints that does not exist",
      config: model("judge", { family: "open-ai" }),
      at: "models.judge.family",
      said: /one of `openai`, .*`vllm`.*got `"open-ai"`/,
    },
    {
      did: "a temperature out of range",
      config: model("teacher", { temperature: 8 }),
      at: "models.teacher.temperature",
      said: /expected at most 2, got `8`/,
    },
    {
      did: "a password in `baseUrl`",
      config: model("judge", { baseUrl: "https://me:hunter2@host.example/v1" }),
      at: "models.judge.baseUrl",
      said: /without user, password/,
      never: /hunter2/,
    },
  ],
  [
    {
      did: "a budget of nothing",
      config: { budget: { usd: 0 } },
      at: "budget.usd",
      said: /expected more than 0, got `0`/,
    },
    {
      did: "a negative budget of a stage",
      config: { budget: { stages: { rollouts: { requests: -5 } } } },
      at: "budget.stages.rollouts.requests",
      said: /expected more than 0, got `-5`/,
    },
    {
      did: "a unit that budgets do not have",
      config: { budget: { token: 1000 } },
      at: "budget.token",
      said: /unknown key; did you mean `tokens`\?/,
    },
    {
      did: "a provider that does not exist",
      config: model("teacher", { provider: "openai" }),
      at: "models.teacher.provider",
      said: /one of `openai-compatible`, `offline-teacher`, got `"openai"`/,
    },
    {
      did: "a role without a model",
      config: model("judge", { model: undefined }),
      at: "models.judge.model",
      said: /missing; expected a text/,
    },
    {
      did: "an unknown option of a model",
      config: model("proposer", { temprature: 1 }),
      at: "models.proposer.temprature",
      said: /unknown key; did you mean `temperature`\?/,
    },
  ],
  [
    {
      did: "tries before a fallback, and no fallback",
      config: model("judge", { fallbackAfter: 2 }),
      at: "models.judge.fallbackAfter",
      said: /expected `fallbacks` beside it/,
    },
    {
      did: "a fallback with fallbacks of its own",
      config: model("teacher", { fallbacks: [{ provider: "offline-teacher", fallbacks: [] }] }),
      at: "models.teacher.fallbacks.0.fallbacks",
      said: /unknown key/,
    },
  ],
];
