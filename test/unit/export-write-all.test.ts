import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import type { WriteOptions } from "../../src/contracts.ts";
import { StoreError } from "../../src/domain/errors.ts";
import type { Example } from "../../src/domain/example.ts";
import { exampleTally } from "../../src/exports/card/tally.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { arrowExporter } from "../../src/exports/columnar/arrow.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { count, exampleOf, exportExamples, scratchFolder, streamOf } from "./export-fixtures.ts";

const exporters = [chatJsonlExporter(), parquetExporter(), arrowExporter()];

// A change of these means that users' files change: say so in the changelog.
const golden = {
  "chat.jsonl": "2f4cc321679d23efaba50ae9c1760fbb37e33e72259cee4e5b37e4ce8ea6b81b",
  "chat.parquet": "5821a9c598a935d267066b3277f1e6e7501bd3af662dda19a7a9051f6193cbb7",
  "chat.arrow": "12147c61c4bb4b53f3b69010cd79bd8aee7b70f4108eff66718024a9ac2e21fe",
};

test("a small set becomes exactly these bytes", async () => {
  await using folder = await scratchFolder();
  const files = await exportExamples({ examples: streamOf(count(12)), exporters, folder: folder.at("exports") });
  expect(Object.fromEntries(files.map((file) => [file.path.split("/").at(-1), file.sha256]))).toEqual(golden);
  const [first] = (await readFile(folder.at("exports/chat.jsonl"), "utf8")).split("\n");
  expect(first).toBe(
    '{"messages":[{"role":"system","content":"You are a data scientist."},{"role":"user","content":"How many rows has table 0?"},{"role":"assistant","content":"<reasoning>Count.</reasoning>\\n<python>\\nlen(fd)\\n</python>","weight":0},{"role":"user","content":"<information>NameError: name \'fd\' is not defined</information>"},{"role":"assistant","content":"<answer>0</answer>","weight":1}]}',
  );
});

test("one pass feeds every format, the index and the tally", async () => {
  await using folder = await scratchFolder();
  let passes = 0;
  const once = async function* () {
    passes += 1;
    yield* count(30);
  };
  const tally = exampleTally();
  const files = await exportExamples({
    examples: once(),
    exporters,
    folder: folder.at("exports"),
    indexPath: folder.at("examples.csv"),
    watch: tally.add,
  });
  expect(passes).toBe(1);
  expect(files.map((file) => file.rows)).toEqual([30, 30, 30]);
  expect(tally.examples()).toBe(30);
  expect((await readdir(folder.at("exports"))).sort()).toEqual(["chat.arrow", "chat.jsonl", "chat.parquet"]);
  expect((await readdir(folder.path)).sort()).toEqual(["examples.csv", "exports"]);
});

test("20,000 examples pass through all formats while at most one batch a format is held", {
  timeout: 120_000,
}, async () => {
  await using folder = await scratchFolder();
  const limits = { rows: 500, characters: 1e9 };
  let made = 0;
  let peak = 0;
  const taken = [0, 0, 0];
  const source = async function* () {
    for (made = 0; made < 20_000; made += 1) {
      peak = Math.max(peak, made - Math.min(...taken));
      yield exampleOf(made);
    }
  };
  const counted = [chatJsonlExporter(), parquetExporter(limits), arrowExporter(limits)].map((exporter, index) => ({
    ...exporter,
    write: (examples: AsyncIterable<Example>, path: string, options?: WriteOptions<Example>) =>
      exporter.write(
        (async function* () {
          for await (const example of examples) {
            yield example;
            taken[index] = (taken[index] ?? 0) + 1;
          }
        })(),
        path,
        options,
      ),
  }));
  const files = await exportExamples({ examples: source(), exporters: counted, folder: folder.path });
  expect(files.map((file) => file.rows)).toEqual([20_000, 20_000, 20_000]);
  // The tee holds one; what a format holds beyond it is its batch, whose bound the conformance kit checks in the file.
  expect(peak).toBeLessThanOrEqual(1);
  const { asyncBufferFromFile, parquetMetadataAsync } = await import("hyparquet");
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(files[1]?.path ?? ""));
  expect(metadata.row_groups.map((group) => Number(group.num_rows))).toEqual(Array.from({ length: 40 }, () => 500));
});

test("an example that breaks a rule stops every format and leaves none of them", async () => {
  await using folder = await scratchFolder();
  const examples = [...count(5), exampleOf(6, { messages: [] })];
  await expect(
    exportExamples({
      examples: streamOf(examples),
      exporters,
      folder: folder.path,
      indexPath: folder.at("examples.csv"),
    }),
  ).rejects.toThrow(/example_0006 breaks/);
  expect(await readdir(folder.path)).toEqual([]);
});

test("a folder that cannot be written ends in one sentence with the way out", async () => {
  await using folder = await scratchFolder();
  await writeFile(folder.at("taken"), "a file where a folder should be");
  const run = exportExamples({ examples: streamOf(count(3)), exporters, folder: folder.at("taken") });
  await expect(run).rejects.toThrow(StoreError);
  await expect(run).rejects.toThrow(/taken.*run the same command again/);
});

test.skipIf(!existsSync("/dev/full")).each(exporters.map((exporter) => [exporter.name, exporter] as const))(
  "a full disk under %s ends in one sentence and leaves no file",
  async (_name, exporter) => {
    await using folder = await scratchFolder();
    await symlink("/dev/full", folder.at(`${exporter.fileName}.partial`));
    const run = exportExamples({ examples: streamOf(count(3)), exporters: [exporter], folder: folder.path });
    await expect(run).rejects.toThrow(StoreError);
    await expect(run).rejects.toThrow(
      /^Cannot write .*: the disk is full \(free some space, then run the same command again\)\.$/,
    );
    expect(await readdir(folder.path)).toEqual([]);
  },
);

test("examples.csv maps each file and line to its example, whatever the ids hold", async () => {
  await using folder = await scratchFolder();
  await mkdir(folder.at("exports"));
  const ids = ["plain", 'comma, and "quotes"', "line\nbreak"];
  const examples = ids.map((id, index) => ({
    ...exampleOf(index, { id, taskId: `t ${id}` }),
    ...(index === 1 ? { own: { file: "my, questions.jsonl", line: 7, id: 'my "id"' } } : {}),
  }));
  const indexPath = folder.at("examples.csv");
  await exportExamples({ examples: streamOf(examples), exporters, folder: folder.at("exports"), indexPath });
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    `SELECT * FROM read_csv('${indexPath}', header = true, delim = ',', quote = '"', all_varchar = true)`,
  );
  connection.closeSync();
  instance.closeSync();
  expect(reader.columnNames()).toEqual([
    "file",
    "line",
    "example_id",
    "task_id",
    "query_id",
    "trajectory_id",
    "own_id",
    "own_place",
  ]);
  expect(reader.getRowObjectsJson()).toEqual(
    exporters.flatMap(({ fileName }) =>
      examples.map(({ id, taskId, queryId, trajectoryId }, index) => ({
        file: fileName,
        line: String(index + 1),
        example_id: id,
        task_id: taskId,
        query_id: queryId,
        trajectory_id: trajectoryId,
        own_id: index === 1 ? 'my "id"' : null,
        own_place: index === 1 ? "my, questions.jsonl:7" : null,
      })),
    ),
  );
});
