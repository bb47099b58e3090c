import { expect, test } from "vitest";
import { providers } from "../../src/models/index.ts";
import { startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { type ModelEntry, modelContract } from "../kit/model-contract.ts";

const task = `Data files:
- /data/cars.csv

Question:
What is the mean of "Horsepower"?

Constraints:
Use the file cars.csv.

Answer format:
@mean[value]`;

/** How each provider of the list is made ready for the kit. */
const entries: Record<string, ModelEntry> = {
  "openai-compatible": async () => {
    const endpoint = await startFaultyEndpoint({ answer: ({ messages }) => `to ${messages.length} messages` });
    return {
      config: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "model" },
      question: "hello",
      [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
    };
  },
  "offline-teacher": async () => ({
    config: { provider: "offline-teacher" },
    question: task,
    [Symbol.asyncDispose]: async () => {},
  }),
};

test("every provider of the list is held to the contract", () => {
  expect(providers.map(({ name }) => name).sort()).toEqual(Object.keys(entries).sort());
});

for (const [name, entry] of Object.entries(entries)) modelContract(name, entry);
