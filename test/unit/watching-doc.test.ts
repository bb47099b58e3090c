import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { runReport, watchLine } from "../../src/domain/run-snapshot.ts";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));

// `npx vitest run test/unit/watching-doc.test.ts -u` writes them anew.
test.each([
  ["watch-line", watchLine],
  ["run-report", runReport],
] as const)("docs/%s.schema.json is the schema that the program holds to", async (name, schema) => {
  const text = `${JSON.stringify(z.toJSONSchema(schema), null, 1)}\n`;
  await expect(text).toMatchFileSnapshot(`${docs}${name}.schema.json`);
});

test("every recording has its picture, is an asciicast and keeps below 300 kB", () => {
  const folder = `${docs}recordings/`;
  const casts = readdirSync(folder).filter((name) => name.endsWith(".cast"));
  expect(casts.length).toBeGreaterThan(2);
  for (const name of casts) {
    const picture = name.replace(/cast$/, "svg");
    for (const file of [name, picture]) expect(statSync(folder + file).size, file).toBeLessThan(300_000);
    expect(JSON.parse(readFileSync(folder + name, "utf8").split("\n")[0] ?? "")).toMatchObject({ version: 2 });
    expect(readFileSync(`${docs}watching.md`, "utf8")).toContain(`recordings/${picture}`);
  }
});
