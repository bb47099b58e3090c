import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { recipes } from "../../pipelines/index.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { readConfig } from "../../src/config/read.ts";
import { priceFile } from "../../src/models/prices.ts";
import { packageRoot } from "../../src/package.ts";

const folder = join(packageRoot(), "configs");
const configs = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "prices.yaml");

async function load(name: string) {
  const file = await readConfig(join(folder, name));
  const asked = (file.value as { recipe: string }).recipe;
  const recipe = recipes.find((one) => one.name === asked);
  if (recipe === undefined) throw new Error(`${name} names no recipe of the list: ${asked}`);
  return { text: file.text, config: parseConfig(recipe.config, file.value, file.path) };
}

describe("every config that is shipped", () => {
  test.each(configs)("%s parses with its recipe's schema and is at most 60 lines", async (name) => {
    const { text } = await load(name);
    expect(text.trim().split("\n").length).toBeLessThanOrEqual(60);
  });

  test("the file of prices is one, and invents none", async () => {
    const { value } = await readConfig(join(folder, "prices.yaml"));
    expect(parseConfig(priceFile, value, "prices.yaml")).toEqual({ prices: [], tuning: [] });
  });

  test("the real recipe asks for 15 turns, eight attempts and temperature 0.8", async () => {
    const { config } = await load("sft-2k.yaml");
    expect(config.rollouts).toMatchObject({ attempts: 8, maxTurns: 15 });
    expect(config.models.teacher).toMatchObject({ provider: "openai-compatible", temperature: 0.8 });
    expect(config.select.target).toBe(2000);
  });
});
