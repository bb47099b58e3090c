import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseConfig } from "../../src/config/parse.ts";
import { UsageError } from "../../src/domain/errors.ts";

const model = z.discriminatedUnion("provider", [
  z.strictObject({
    provider: z.literal("openai-compatible"),
    baseUrl: z.url(),
    apiKeyEnv: z.string().regex(/^[A-Z_]+$/, "Expected the name of an environment variable"),
    temperature: z.number().min(0).max(2).default(0.8),
  }),
  z.strictObject({ provider: z.literal("offline-teacher"), seed: z.number().int().optional() }),
]);

const schema = z.strictObject({
  datasets: z.array(z.union([z.string(), z.strictObject({ name: z.string(), files: z.array(z.string()) })])).min(1),
  models: z.record(z.string(), model).default({}),
  sandbox: z
    .strictObject({ backend: z.enum(["docker", "bubblewrap"]), memoryMb: z.number().int().positive().default(2048) })
    .optional(),
  select: z.strictObject({ target: z.number().int() }).prefault({ target: 100 }),
});

function problems(value: unknown): string {
  try {
    parseConfig(schema, value, "c.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("expected a problem");
}

const good = { datasets: ["data/*.csv"] };

describe("parseConfig", () => {
  it("returns the value with its defaults", () => {
    expect(parseConfig(schema, good, "c.yaml")).toEqual({ ...good, models: {}, select: { target: 100 } });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["an unknown key near a known one", { selct: {} }, "- selct: unknown key; did you mean `select`?"],
    [
      "an unknown key far from any",
      { sandbox: { backend: "docker", colour: 1 } },
      "- sandbox.colour: unknown key; expected one of `backend`, `memoryMb`",
    ],
    [
      "an unknown key behind a default",
      { select: { target: 1, traget: 2 } },
      "- select.traget: unknown key; did you mean `target`?",
    ],
    [
      "a wrong type",
      { select: { target: "8" } },
      '- select.target: expected a number, got `"8"`: write it without quotes',
    ],
    ["a missing key", { sandbox: {} }, "- sandbox.backend: missing; expected one of `docker`, `bubblewrap`"],
    [
      "an unknown name",
      { sandbox: { backend: "podman" } },
      '- sandbox.backend: expected one of `docker`, `bubblewrap`, got `"podman"`',
    ],
    ["a misspelt name", { sandbox: { backend: "dockr" } }, "did you mean `docker`?"],
    [
      "a number out of range",
      { sandbox: { backend: "docker", memoryMb: -1 } },
      "- sandbox.memoryMb: expected more than 0, got `-1`",
    ],
    ["a fraction", { select: { target: 1.5 } }, "- select.target: expected a whole number, got `1.5`"],
    ["an entry that is neither", { datasets: ["a", 7] }, "- datasets.1: expected a text or a map of keys, got `7`"],
    [
      "a wrong key in an entry",
      { datasets: [{ name: "x", file: ["a"] }] },
      "- datasets.0.file: unknown key; did you mean `files`?",
    ],
    [
      "an unknown provider",
      { models: { teacher: { provider: "openai" } } },
      '- models.teacher.provider: expected one of `openai-compatible`, `offline-teacher`, got `"openai"`',
    ],
    [
      "no provider",
      { models: { teacher: {} } },
      "- models.teacher.provider: missing; expected one of `openai-compatible`, `offline-teacher`",
    ],
    [
      "a wrong key in a provider",
      { models: { teacher: { provider: "offline-teacher", sed: 1 } } },
      "- models.teacher.sed: unknown key; did you mean `seed`?",
    ],
    [
      "a wrong value in a provider",
      { models: { t: { provider: "openai-compatible", baseUrl: "x", apiKeyEnv: "K" } } },
      '- models.t.baseUrl: invalid URL, got `"x"`',
    ],
  ])("explains %s", (_, change, message) => {
    expect(problems({ ...good, ...change })).toContain(message);
  });

  it("names the file and lists several problems at once, ten at most", () => {
    const many = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`zzzzzz${index}`, 1]));
    const message = problems({ ...many, select: { target: "x" } });
    expect(message).toMatch(/^Expected `c\.yaml` to be a valid config, got 16 problems:/);
    expect(message.split("\n")).toHaveLength(12);
    expect(message).toContain("- … and 6 more");
  });

  it("refuses an API key in the config and never repeats it", () => {
    const leaked = { provider: "openai-compatible", baseUrl: "https://x.example/v1", apiKey: "sk-secret" };
    const message = problems({ ...good, models: { teacher: leaked } });
    expect(message).toContain("- models.teacher.apiKey: a config holds no API keys; write `apiKeyEnv:`");
    expect(message).not.toContain("sk-secret");
    const misplaced = { provider: "openai-compatible", baseUrl: "https://x.example/v1", apiKeyEnv: "sk-secret" };
    expect(problems({ ...good, models: { teacher: misplaced } })).not.toContain("sk-secret");
    expect(problems({ ...good, models: [leaked] })).not.toContain("sk-secret");
  });
});
