import { readFile } from "node:fs/promises";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import type { Example } from "../../src/domain/example.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { arrowExporter } from "../../src/exports/columnar/arrow.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { exampleProblems } from "../../src/exports/problems.ts";
import { exampleOf, exportExamples, say, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

// JavaScript readers drop a byte order mark that begins a text; the conformance kit shows that the file holds it.
const text = fc
  .string({ unit: "binary", minLength: 1, maxLength: 40 })
  .map((value) => value.replaceAll(/\0|\p{Surrogate}/gu, "?").replace(/^\uFEFF/, "?"));
const exchange = fc.tuple(text, text, fc.boolean());
const example: fc.Arbitrary<Example> = fc
  .record({
    system: fc.option(text),
    exchanges: fc.array(exchange, { minLength: 1, maxLength: 6 }),
    transforms: fc.array(text, { maxLength: 3 }),
    id: text,
  })
  .map(({ system, exchanges, transforms, id }) =>
    exampleOf(0, {
      id,
      transforms,
      messages: [
        ...(system === null ? [] : [say("system", system)]),
        ...exchanges.flatMap(([asked, said, train], index) => [
          say("user", asked),
          say("assistant", said, train || index === exchanges.length - 1),
        ]),
      ],
    }),
  )
  .filter((made) => exampleProblems(made).length === 0);

test("any examples that keep the rules come back from every format as they were", async () => {
  const limits = { rows: 3, characters: 200 };
  const written = [chatJsonlExporter(), parquetExporter(limits), arrowExporter(limits)];
  await fc.assert(
    fc.asyncProperty(fc.array(example, { minLength: 1, maxLength: 12 }), async (examples) => {
      await using folder = await scratchFolder();
      const files = await exportExamples({ examples: streamOf(examples), exporters: written, folder: folder.path });
      const [jsonl = "", parquet = "", arrow = ""] = files.map((file) => file.path);

      const lines = (await readFile(jsonl, "utf8")).split("\n");
      expect(lines.pop()).toBe("");
      expect(lines.map((line) => flags(JSON.parse(line).messages))).toEqual(examples.map((made) => made.messages));

      const fromParquet = await parquetReadObjects({ file: await asyncBufferFromFile(parquet) });
      expect(fromParquet.map(toExample)).toEqual(examples);
      const fromArrow = tableFromIPC(await readFile(arrow)).toArray();
      expect(fromArrow.map((row) => toExample(JSON.parse(JSON.stringify(row))))).toEqual(examples);

      for (const [index, exporter] of written.entries()) {
        const problems = await exporter.check(files[index]?.path ?? "");
        expect(problems.filter((problem) => problem.rule !== "OA-R2")).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

test("a text with a lone surrogate or a NUL anywhere is always refused", () => {
  fc.assert(
    fc.property(text, text, fc.constantFrom("\uD800", "\uDBFF", "\uDC00", "\uDFFF", "\0"), (before, after, wrong) => {
      const bad = exampleOf(0, { messages: [say("user", `${before} ${wrong} ${after}`), say("assistant", "1", true)] });
      expect(exampleProblems(bad).map((problem) => problem.rule)).toContain("C8");
    }),
  );
});

interface Said {
  readonly role: Example["messages"][number]["role"];
  readonly content: string;
  readonly weight?: number | null;
}

function flags(messages: readonly Said[]): Example["messages"] {
  return messages.map(({ role, content, weight }) => say(role, content, weight === 1));
}

function toExample(row: Record<string, unknown>): Example {
  return {
    id: row.id as string,
    group: row.group as string,
    taskId: row.task_id as string,
    queryId: row.query_id as string,
    trajectoryId: row.trajectory_id as string,
    transforms: row.transforms as string[],
    messages: flags(row.messages as Said[]),
  };
}
