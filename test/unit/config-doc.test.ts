import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import sft from "../../pipelines/sft.ts";
import { parseConfig } from "../../src/config/parse.ts";

const page = await readFile(new URL("../../docs/config.md", import.meta.url), "utf8");
const table = page.slice(page.indexOf("| key | default |"), page.indexOf("## `datasets`"));

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  /** A section that may be null. */
  readonly anyOf?: readonly Shape[];
}

/** Every key a config of the recipe may have, but those below sections with a page of their own. */
function keysOf(shape: Shape, above: readonly string[] = []): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, written]) => {
    const key = [...above, name];
    const inside = written.anyOf?.find((one) => one.properties !== undefined) ?? written;
    const isLeaf = inside.properties === undefined || name === "sandbox" || above[0] === "models";
    return isLeaf ? [key.join(".")] : keysOf(inside, key);
  });
}

test("docs/config.md has every key of the sft recipe, and no other", () => {
  const listed = table
    .split("\n")
    .slice(2)
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, key]) => key ?? ""));
  const keys = keysOf(z.toJSONSchema(sft.config, { io: "input", unrepresentable: "any" }) as Shape);
  expect(keys.length).toBeGreaterThan(20);
  expect(listed.toSorted()).toEqual(keys.filter((key) => key !== "recipe").toSorted());
});

test("the mistakes docs/config.md shows are told in these words", () => {
  const model = { provider: "offline-teacher" };
  const config = {
    recipe: "sft",
    datasets: ["x.csv"],
    models: {
      proposer: model,
      teacher: { provider: "openai-compatible", baseUrl: "http://localhost:1/v1", model: "m", temprature: 1 },
      judge: model,
    },
    sandbox: { backend: "podman" },
    propose: { explorations: 1, questions: 1, maxTurns: 1 },
    rollouts: { attempts: 1, maxTurns: 1 },
    screen: { maxStepErrors: 1 },
    judge: {},
    accept: { mean: 0.5, each: 0.5 },
    select: { target: 1.5 },
  };
  const shown = /```\n(Expected [\s\S]*?)\n```/.exec(page)?.[1] ?? "an example in docs/config.md";
  expect(() => parseConfig(sft.config, config, "my.yaml")).toThrow(shown);
});
