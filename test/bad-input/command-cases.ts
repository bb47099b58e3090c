import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Case } from "./case.ts";

const oldNode = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.4'})";

const goodRows = `${JSON.stringify({
  messages: [
    { role: "user", content: "?" },
    { role: "assistant", content: "!" },
  ],
})}\n`.repeat(3);

/** A command line that asks for what there is not. */
export const commandCases: readonly Case[] = [
  {
    did: "`tracemill` alone",
    arrange: () => ({ args: [] }),
    code: 2,
    what: /Expected a command/,
    where: /tracemill/,
    wayOut: /--help/,
  },
  {
    did: "a misspelt command",
    arrange: () => ({ args: ["rnu", "my.yaml"] }),
    code: 2,
    what: /Expected a command/,
    where: /`rnu`/,
    wayOut: /did you mean `run`\?/,
  },
  {
    did: "a command that does not exist",
    arrange: () => ({ args: ["generate-everything"] }),
    code: 2,
    what: /Expected a command/,
    where: /`generate-everything`/,
    wayOut: /one of .*`run`.*`audit`/,
  },
  {
    did: "`tracemill check` of a file without saying what it is for",
    arrange: async ({ write }) => ({ args: ["check", await write("rows.jsonl", "{}\n")] }),
    code: 2,
    what: /Expected --target/,
    where: /`rows\.jsonl`/,
    wayOut: /one of chat-jsonl, openai, .*--target openai/,
  },
  {
    did: "`tracemill tune` for a trainer with a setting that would train what is masked",
    arrange: async ({ write }) => {
      const row = {
        messages: [
          { role: "user", content: "Rows?" },
          { role: "assistant", content: "891" },
        ],
      };
      const file = await write("trl.jsonl", `${JSON.stringify(row)}\n`);
      return { args: ["tune", file, "--target", "trl", "--set", "assistant_only_loss=false"] };
    },
    code: 2,
    what: /Expected settings with which trl trains this file as it is meant/,
    where: /`--set assistant_only_loss` \(TR-R5\) Expected `true`, got `false`/,
    wayOut: /Leave them out/,
  },
  {
    did: "`tracemill check` for a misspelt target",
    arrange: async ({ write }) => ({ args: ["check", await write("rows.jsonl", "{}\n"), "--target", "togehter"] }),
    code: 2,
    what: /Expected a target/,
    where: /`togehter`/,
    wayOut: /did you mean `together`/,
  },
  {
    did: "`tracemill check` with a grader's file that is not there",
    arrange: async ({ write }) => ({
      args: ["check", await write("rows.jsonl", "{}\n"), "--target", "openai-rft", "--grader", "grader.json"],
    }),
    code: 2,
    what: /Expected a grader's file/,
    where: /`grader\.json`/,
    wayOut: /name the JSON file .*leave --grader out/,
  },
  {
    did: "`tracemill push hf` to a repository without its owner",
    arrange: async ({ write }) => ({ args: ["push", "hf", await write("rows.jsonl", "{}\n"), "--repo", "tables"] }),
    code: 2,
    what: /Expected --repo org\/name/,
    where: /`tables`/,
    wayOut: /name the organisation or user, and the dataset/,
  },
  {
    did: "`tracemill push hf` to a Hub without an address",
    arrange: () => ({ args: ["push", "hf", "exports", "--repo", "org/tables", "--hub-url", "my-hub"] }),
    code: 2,
    what: /Expected --hub-url to be the address of a Hub/,
    where: /`my-hub`/,
    wayOut: /https:\/\/.* or leave it out/,
  },
  {
    did: "`tracemill tune` of a file that is not there",
    arrange: () => ({ args: ["tune", "trian.jsonl", "--target", "openai"] }),
    code: 2,
    what: /Expected a training file/,
    where: /`trian\.jsonl`/,
    wayOut: /one of list, status, events, cancel, resume/,
  },
  {
    did: "`tracemill tune` for a misspelt target",
    arrange: async ({ write }) => ({ args: ["tune", await write("rows.jsonl", "{}\n"), "--target", "opena"] }),
    code: 2,
    what: /Expected --target to say where to tune/,
    where: /`opena`/,
    wayOut: /did you mean `openai`/,
  },
  {
    did: "`tracemill tune` at Azure without its address",
    arrange: async ({ write }) => ({
      args: ["tune", await write("rows.jsonl", "{}\n"), "--target", "azure", "--model", "m"],
    }),
    code: 2,
    what: /Expected --base-url/,
    where: /azure/,
    wayOut: /https:\/\/<resource>/,
  },
  {
    did: "`tracemill tune` at Fireworks without an account",
    arrange: async ({ write }) => ({
      args: ["tune", await write("rows.jsonl", goodRows), "--target", "fireworks", "--model", "m", "--yes"],
      env: { FIREWORKS_API_KEY: "key-of-tests" },
    }),
    code: 2,
    what: /Expected `--option account=<id>`/,
    where: /Fireworks/,
    wayOut: /--option account=<id>/,
  },
  {
    did: "`tracemill tune` at a service with an option that is for trainers",
    arrange: async ({ write }) => ({
      args: ["tune", await write("rows.jsonl", "{}\n"), "--target", "together", "--model", "m", "--launch", "here"],
    }),
    code: 2,
    what: /Expected no --launch with --target together/,
    where: /got `here`/,
    wayOut: /leave it out/,
  },
  {
    did: "`tracemill tune` without the service's key",
    arrange: async ({ write }) => ({
      args: ["tune", await write("rows.jsonl", goodRows), "--target", "together", "--model", "m", "--yes"],
    }),
    code: 2,
    what: /Expected the environment variable/,
    where: /`TOGETHER_API_KEY`/,
    wayOut: /export TOGETHER_API_KEY=.*--api-key-env/,
  },
  {
    did: "a misspelt command of `store`",
    arrange: () => ({ args: ["store", "statz"] }),
    code: 2,
    what: /Expected a command of `tracemill store`/,
    where: /`statz`/,
    wayOut: /did you mean `stats`/,
  },
  {
    did: "a misspelt option",
    arrange: () => ({ args: ["run", "my.yaml", "--ouput", "elsewhere"] }),
    code: 2,
    what: /Expected an option/,
    where: /`--ouput`/,
    wayOut: /did you mean `--output`\?/,
  },
  {
    did: "an option that does not exist",
    arrange: () => ({ args: ["run", "my.yaml", "--frobnicate"] }),
    code: 2,
    what: /Expected an option/,
    where: /`--frobnicate`/,
    wayOut: /tracemill run --help/,
  },
  {
    did: "no config after `tracemill run`",
    arrange: () => ({ args: ["run"] }),
    code: 2,
    what: /too few words/,
    where: /`tracemill run <config>`/,
    wayOut: /--help/,
  },
  {
    did: "a word too many (a file name with a space, not quoted)",
    arrange: () => ({ args: ["run", "my.yaml", "config.yaml"] }),
    code: 2,
    what: /got `config\.yaml` as well/,
    where: /`tracemill run <config>`/,
    wayOut: /quotes/,
  },
  {
    did: "`--output` without a folder",
    arrange: () => ({ args: ["run", "my.yaml", "--output"] }),
    code: 2,
    what: /got none/,
    where: /--output/,
    wayOut: /--output <value>|give it one/,
  },
  {
    did: "`--output` twice",
    arrange: () => ({ args: ["run", "my.yaml", "--output", "a", "--output", "b"] }),
    code: 2,
    what: /got 2/,
    where: /--output/,
    wayOut: /once/,
  },
  {
    did: "`--set` with a misspelt key",
    arrange: () => ({ args: ["run", "my.yaml", "--set", "selct.target=5"] }),
    code: 2,
    what: /unknown key/,
    where: /- selct:/,
    wayOut: /did you mean `select`\?/,
  },
  {
    did: "`--set` without `=`",
    arrange: () => ({ args: ["run", "my.yaml", "--set", "select.target"] }),
    code: 2,
    what: /got `select\.target`/,
    where: /--set/,
    wayOut: /select\.target=<value>/,
  },
  {
    did: "`--set` at a place of a list that it does not have",
    arrange: () => ({ args: ["run", "my.yaml", "--set", "datasets.7=x.csv"] }),
    code: 2,
    what: /index from 0 to 1/,
    where: /--set datasets\.7=x\.csv/,
    wayOut: /`1` adds|1 adds/,
  },
  {
    did: "`--set` below a value that holds nothing",
    arrange: () => ({ args: ["run", "my.yaml", "--set", "recipe.name=sft"] }),
    code: 2,
    what: /got `sft`/,
    where: /--set recipe\.name=sft/,
    wayOut: /recipe=/,
  },
  {
    did: "`--set` with a value that is no YAML",
    arrange: () => ({ args: ["run", "my.yaml", "--set", "datasets=[a.csv"] }),
    code: 2,
    what: /YAML value/,
    where: /--set datasets=/,
    wayOut: /quotes/,
  },
  {
    did: "`--output` that is a file",
    arrange: () => ({ args: ["run", "my.yaml", "--output", "cars.csv"] }),
    code: 2,
    what: /a file/,
    where: /cars\.csv/,
    wayOut: /another with --output/,
  },
  {
    did: "`audit` before any run",
    arrange: () => ({ args: ["audit"] }),
    code: 2,
    what: /no runs/,
    where: /output\/runs/,
    wayOut: /tracemill run <config>/,
  },
  {
    did: "a run that is not there",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "elsewhere/runs/20261101T101500Z-8f2c41d0"), { recursive: true });
      return { args: ["audit", "20261102", "--output", "elsewhere"] };
    },
    code: 2,
    what: /got `20261102`/,
    where: /elsewhere\/runs/,
    wayOut: /20261101T101500Z-8f2c41d0/,
  },
  {
    did: "`why` of a run that ended before it began",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "elsewhere/runs/20261101T101500Z-8f2c41d0"), { recursive: true });
      return { args: ["why", "2026", "task_1", "--output", "elsewhere"] };
    },
    code: 2,
    what: /got no file/,
    where: /events\.jsonl/,
    wayOut: /run it again|another run/,
  },
  {
    did: "`why` of an item that is not there",
    arrange: async ({ write }) => {
      const run = "elsewhere/runs/20261101T101500Z-8f2c41d0";
      const item = {
        type: "item",
        at: "2026-11-01T10:15:00.000Z",
        stage: "shape",
        id: "query_51d0a9c2e4b7f803",
        outcome: "passed",
      };
      await write(`${run}/events.jsonl`, `${JSON.stringify(item)}\n`);
      return { args: ["why", "2026", "query_51d0b", "--output", "elsewhere"] };
    },
    code: 2,
    what: /got `query_51d0b`/,
    where: /of this run/,
    wayOut: /nearest are: query_51d0a9c2e4b7f803/,
  },
  {
    did: "`audit --samples` that is no number",
    arrange: () => ({ args: ["audit", "--samples", "many"] }),
    code: 2,
    what: /whole number/,
    where: /--samples/,
    wayOut: /from 0/,
  },
  {
    did: "`init` where a config is already",
    arrange: async ({ write }) => {
      await write("tracemill.yaml", "recipe: sft\n");
      return { args: ["init", "cars.csv"] };
    },
    code: 2,
    what: /got one/,
    where: /tracemill\.yaml/,
    wayOut: /--file.*--force/,
  },
  {
    did: "`init` without data",
    arrange: () => ({ args: ["init"] }),
    code: 2,
    what: /got none/,
    where: /tracemill init/,
    wayOut: /--example/,
  },
  {
    did: "`sandbox shell` without data",
    arrange: () => ({ args: ["sandbox", "shell"] }),
    code: 2,
    what: /Expected data to look at, got none/,
    where: /sandbox shell/,
    wayOut: /--config/,
  },
  {
    did: "`sandbox shell` on a config of several datasets",
    arrange: async ({ write }) => {
      await write("boats.csv", "name,knots\nx,9\n");
      return { args: ["sandbox", "shell", "--config", "my.yaml"], config: { datasets: ["./cars.csv", "./boats.csv"] } };
    },
    code: 2,
    what: /Expected one dataset, got 2/,
    where: /`cars`, `boats`/,
    wayOut: /choose with --dataset/,
  },
  {
    did: "`sandbox shell` on a dataset that the config does not name",
    arrange: () => ({ args: ["sandbox", "shell", "--config", "my.yaml", "--dataset", "bikes"] }),
    code: 2,
    what: /Expected --dataset to be one of/,
    where: /`bikes`/,
    wayOut: /`cars`/,
  },
  {
    did: "a Node that is too old",
    arrange: () => ({ preload: oldNode }),
    code: 2,
    what: /Node\.js 20.* got 18\.20\.4/,
    where: /Tracemill/,
    wayOut: /nodejs\.org|install a newer/i,
  },
];
