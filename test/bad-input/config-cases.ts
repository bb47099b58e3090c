import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import type { Case } from "./case.ts";

const noSandbox = await sandboxMissing();

/** A config file that is none, or that names what is not there. */
export const configCases: readonly Case[] = [
  {
    did: "a config that is not there",
    arrange: async ({ write }) => {
      await write("mine.yaml", "recipe: sft\n");
      return { args: ["run", "mime.yaml"] };
    },
    code: 2,
    what: /no such file|no file/,
    where: /`mime\.yaml`/,
    wayOut: /did you mean `mine\.yaml`/,
  },
  {
    did: "a folder as the config",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "configs"));
      return { args: ["run", "configs"] };
    },
    code: 2,
    what: /a folder/,
    where: /`configs`/,
    wayOut: /name the file/,
  },
  {
    did: "an empty config",
    arrange: () => ({ yaml: "" }),
    code: 2,
    what: /got nothing/,
    where: /`my\.yaml`/,
    wayOut: /tracemill init|docs\/config\.md/,
  },
  {
    did: "a list as the config",
    arrange: () => ({ yaml: "- recipe: sft\n" }),
    code: 2,
    what: /got a list/,
    where: /`my\.yaml`/,
    wayOut: /`key: value` lines/,
  },
  {
    did: "a data file as the config",
    arrange: () => ({ args: ["run", "cars.csv"] }),
    code: 2,
    what: /got `name,year/,
    where: /`cars\.csv`/,
    wayOut: /tracemill init cars\.csv/,
  },
  {
    did: "a tab for indentation",
    arrange: () => ({ yaml: "recipe: sft\njudge:\n\tvotes: 1\n" }),
    code: 2,
    what: /[Tt]abs/,
    where: /my\.yaml:3:1/,
    wayOut: /spaces/,
  },
  {
    did: "a bracket that is never closed",
    arrange: () => ({ yaml: "recipe: sft\ndatasets: [cars.csv\nseed: 1\n" }),
    code: 2,
    what: /Expected YAML/,
    where: /my\.yaml:\d+:\d+/,
    wayOut: /\]/,
  },
  {
    did: "a key written twice",
    arrange: () => ({ yaml: "recipe: sft\nseed: 1\nseed: 2\n" }),
    code: 2,
    what: /unique/,
    where: /my\.yaml:3:1/,
    wayOut: /remove one|leave one out/,
  },
  {
    did: "an anchor that contains its own alias (a cycle)",
    arrange: () => ({ yaml: "recipe: sft\nmodels: &all\n  teacher: *all\n" }),
    code: 2,
    what: /anchor .*its own alias/,
    where: /`my\.yaml`.*`models\.teacher`/,
    wayOut: /write out/,
  },
  {
    did: "aliases that unfold to billions of values",
    arrange: () => ({
      yaml: `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`).join("\n")}\n`,
    }),
    code: 2,
    what: /alias/i,
    where: /`my\.yaml`/,
    wayOut: /fewer|write out/,
  },
  {
    did: "an alias without its anchor",
    arrange: () => ({ yaml: "recipe: sft\nmodels: { teacher: *model }\n" }),
    code: 2,
    what: /alias.*model/,
    where: /`my\.yaml`/,
    wayOut: /`&model`|write `&name`/,
  },
  {
    did: "a config in UTF-16",
    arrange: () => ({ yaml: Buffer.from("\uFEFFrecipe: sft\n", "utf16le") }),
    code: 2,
    what: /UTF-16/,
    where: /`my\.yaml`/,
    wayOut: /save it as UTF-8/,
  },
  {
    did: "a config in Latin-1",
    arrange: () => ({ yaml: Buffer.from("recipe: sft\nexport: { title: Größe }\n", "latin1") }),
    code: 2,
    what: /UTF-8/,
    where: /`my\.yaml`.*line 2/,
    wayOut: /save it as UTF-8/,
  },
  {
    did: "no `recipe`",
    arrange: () => ({ yaml: "datasets: [cars.csv]\n" }),
    code: 2,
    what: /one of `sft`, or the path of a module .*, got nothing/,
    where: /`recipe` in `my\.yaml`/,
    wayOut: /write `recipe: sft`/,
  },
  {
    did: "a recipe that does not exist",
    arrange: () => ({ config: { recipe: "stf" } }),
    code: 2,
    what: /got `stf`/,
    where: /`recipe` in `my\.yaml`/,
    wayOut: /did you mean `sft`\?/,
  },
  {
    did: "a config of another version",
    arrange: () => ({ config: { version: 2, someNewKey: true } }),
    code: 2,
    what: /`version: 1`.*got `2`/,
    where: /`my\.yaml`/,
    wayOut: /update Tracemill/i,
  },
  {
    did: "a file of prices with an entry without a date",
    arrange: async ({ write }) => {
      await write(
        "prices.yaml",
        "prices: [{ endpoint: api.example.com, model: m, inputPerMillion: 1, outputPerMillion: 2 }]\n",
      );
      return { config: { prices: "./prices.yaml" } };
    },
    code: 2,
    what: /prices\.0\.asOf: /,
    where: /prices\.yaml/,
    wayOut: /missing; expected/,
    lacks: noSandbox,
  },
  {
    did: "a file of prices with two for one model at one endpoint",
    arrange: async ({ write }) => {
      const rest = "model: m, inputPerMillion: 1, outputPerMillion: 2, asOf: 2026-11-01";
      await write(
        "prices.yaml",
        `prices: [{ endpoint: api.example.com, ${rest} }, { endpoint: api.example.com, ${rest} }]\n`,
      );
      return { config: { prices: "./prices.yaml" } };
    },
    code: 2,
    what: /prices\.1\.endpoint: .*`prices\.0` has one.*got `"api\.example\.com"`/,
    where: /prices\.yaml/,
    wayOut: /remove either/,
    lacks: noSandbox,
  },
  {
    did: "a prompt that is not there",
    arrange: () => ({ config: { prompts: { agent: "agent/nowhere.md" } } }),
    code: 2,
    what: /no such file/,
    where: /`prompts:` in the config.*agent\/nowhere\.md/,
    wayOut: /`\.\/`/,
    lacks: noSandbox,
  },
  {
    did: "a prompt with a variable that it cannot have",
    arrange: async ({ write }) => {
      await write("agent.md", "Solve {{puzzle}} in {{max_turns}} turns.\n");
      return { config: { prompts: { agent: "./agent.md" } } };
    },
    code: 2,
    what: /\{\{puzzle\}\}/,
    where: /agent\.md/,
    wayOut: /remove it/,
    lacks: noSandbox,
  },
  {
    did: "native tool calls with a model that takes no tools",
    arrange: ({ baseUrl }) => {
      const model = { provider: "openai-compatible", baseUrl, model: "some-model" };
      const models = { proposer: model, teacher: { ...model, tools: false }, judge: model };
      return { config: { scaffold: "tools", models } };
    },
    code: 2,
    what: /Expected model `teacher` to take tools.*got `tools: false`/,
    where: /models\.teacher\.tools/,
    wayOut: /`scaffold: react` or `code-act`/,
    lacks: noSandbox,
  },
  {
    did: "a budget for a stage that the recipe does not have",
    arrange: () => ({ config: { budget: { stages: { rollout: { requests: 100 } } } } }),
    code: 2,
    what: /expected a stage of this recipe.*got `rollout`/,
    where: /budget\.stages\.rollout:/,
    wayOut: /did you mean `rollouts`\?/,
    lacks: noSandbox,
  },
  {
    did: "a budget in dollars without the price of a model",
    arrange: () => ({ config: { budget: { usd: 5 } } }),
    code: 2,
    what: /expected a price, because `budget\.usd` is set/,
    where: /models\.proposer\.price:/,
    wayOut: /State what the endpoint takes.*or limit `budget\.requests`/,
    lacks: noSandbox,
  },
  {
    did: "a budget in tokens without a limit on what a model answers",
    arrange: () => ({ config: { budget: { stages: { rollouts: { tokens: 50_000 } } } } }),
    code: 2,
    what: /expected a number, because `budget\.stages\.rollouts\.tokens` is set/,
    where: /models\.proposer\.maxTokens:/,
    wayOut: /Set `maxTokens`/,
    lacks: noSandbox,
  },
  {
    did: "a sandbox with more room for files than memory for it",
    arrange: () => ({ config: { sandbox: { memoryMb: 256, scratchMb: 4000 } } }),
    code: 2,
    what: /at most a third of memoryMb/,
    where: /sandbox\.scratchMb/,
    wayOut: /lower it|raise/,
    lacks: noSandbox,
  },
  {
    did: "a runtime of Docker's for bubblewrap, which has none",
    arrange: () => ({ config: { sandbox: { backend: "bubblewrap", runtime: "runsc" } } }),
    code: 2,
    what: /only where Docker runs the code/,
    where: /sandbox\.runtime.*runsc.*bubblewrap/,
    wayOut: /leave the option out|backend: docker/,
  },
];
