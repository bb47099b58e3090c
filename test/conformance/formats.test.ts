// What every format of every product promises. A format joins by standing in src/exports/index.ts.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tableFromIPC } from "apache-arrow";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { describe, expect, test } from "vitest";
import type { Exporter } from "../../src/contracts.ts";
import type { Conversation, Example } from "../../src/domain/example.ts";
import { sha256 } from "../../src/domain/hash.ts";
import { exporters } from "../../src/exports/index.ts";
import { perStep } from "../../src/exports/render/per-step.ts";
import { exampleFrom, itemsFrom, type Spoken } from "../kit/export-items.ts";
import { hardTexts, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

/** Texts that formats get wrong; the one of 5 MB is for export.test.ts. */
const texts = [...hardTexts.map((text) => text.slice(0, 2_000)), '{"role":"user"}', "<information></information>"];

/** Enough for every target; both kinds, for a columnar file holds one. */
function spokenWith(native: boolean, thinks: boolean): Spoken[] {
  return Array.from({ length: 56 }, (_, index) => {
    const text = texts[index % texts.length] ?? "";
    const thought = thinks ? { reasoning: `Think of ${index}.\n${text}` } : {};
    const exchanges = [
      { asked: text, said: `${text}1`, train: index % 2 === 0, ...thought },
      { asked: `${text}2`, said: `${text}3`, train: true },
      { asked: text, said: `So ${text}`, train: true, ...thought },
    ];
    return {
      index,
      system: index % 3 === 0 ? null : `You count. ${text}`,
      native,
      exchanges: index % 7 === 0 && !native ? exchanges.slice(2) : exchanges,
    };
  });
}

const sets: readonly (readonly [string, readonly Spoken[]])[] = [
  ["plain", spokenWith(false, false)],
  ["with calls", spokenWith(true, false)],
  ["with calls and thinking", spokenWith(true, true)],
];

/** Those that write without a tokenizer; the others are proven where one is made. */
const written = exporters.filter(
  ({ needsRenderer, product }) => needsRenderer !== true && product !== "trajectories",
) as Exporter<unknown>[];

function itemsOf({ product = "sft" }: Exporter<unknown>, spoken: readonly Spoken[]): unknown[] {
  return product === "trajectories" ? [] : spoken.map((one) => itemsFrom(one)[product]);
}

async function rowsOf(path: string): Promise<unknown[]> {
  if (path.endsWith(".jsonl")) {
    const lines = (await readFile(path, "utf8")).split("\n");
    expect(lines.pop()).toBe("");
    return lines.map((line) => JSON.parse(line.replace(/^\uFEFF/, "")));
  }
  if (path.endsWith(".parquet")) return await parquetReadObjects({ file: await asyncBufferFromFile(path) });
  return tableFromIPC(await readFile(path)).toArray();
}

describe.each(written.map((exporter) => [exporter.name, exporter] as const))("%s", (name, exporter) => {
  test.each(sets)(
    "tells what it wrote of examples %s, leaves nothing else, and its own check finds nothing",
    async (_set, spoken) => {
      await using folder = await scratchFolder();
      const path = folder.at(exporter.fileName);
      const items = itemsOf(exporter, spoken);
      const placed: number[] = [];
      const file = await exporter.write(streamOf(items), path, {
        placed: (item, rows) => {
          expect(item).toBe(items[placed.length]);
          placed.push(rows);
        },
      });
      const content = await readFile(path);
      expect({ bytes: file.bytes, sha256: file.sha256 }).toEqual({
        bytes: content.byteLength,
        sha256: sha256(content),
      });
      expect(await readdir(folder.path)).toEqual([exporter.fileName]);
      const rows = await rowsOf(path);
      expect(rows).toHaveLength(file.rows);
      expect(placed).toHaveLength(items.length);
      expect(placed.reduce((sum, one) => sum + one, 0)).toBe(file.rows);
      if (file.rows >= 50) expect(await exporter.check(path)).toEqual([]);
      const again = await exporter.write(streamOf(items), folder.at("again"));
      expect(again.sha256).toBe(file.sha256);
    },
  );

  test("keeps the file that was there when the items break off", async () => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    await writeFile(path, "old");
    const items = itemsOf(exporter, sets[0]?.[1] ?? []);
    const breaking = async function* () {
      yield* items.slice(0, 5);
      throw new Error("the line broke off");
    };
    await expect(exporter.write(breaking(), path)).rejects.toThrow("the line broke off");
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder.path)).toEqual([exporter.fileName]);
  });

  test("writes what it wrote before", async () => {
    await using folder = await scratchFolder();
    const joined = exporter.fileName.endsWith(".jsonl") ? [fixtures] : fixtures.map((fixture) => [fixture]);
    const texts: string[] = [];
    for (const [index, set] of joined.entries()) {
      const path = folder.at(`${index}-${exporter.fileName}`);
      await exporter.write(streamOf(itemsOf(exporter, set)), path);
      // Another version of a library may write other bytes for the same rows of a binary file.
      texts.push(exporter.fileName.endsWith(".jsonl") ? await readFile(path, "utf8") : jsonRows(await rowsOf(path)));
    }
    const golden = join(goldenFolder, `${name}.jsonl`);
    if (process.env.TRACEMILL_WRITE_GOLDEN === "1") {
      await mkdir(dirname(golden), { recursive: true });
      await writeFile(golden, texts.join(""));
    }
    expect(texts.join("")).toBe(await readFile(golden, "utf8"));
  });
});

/** Three examples that every format has an opinion on: text alone, calls with a failed one that is masked, thinking. */
const fixtures: readonly Spoken[] = [
  {
    ...{ index: 1, system: null, native: false },
    exchanges: [{ asked: "How many rows does titanic.csv have?", said: "<answer>891</answer>", train: true }],
  },
  {
    ...{ index: 2, system: "You are a data scientist.", native: true },
    exchanges: [
      { asked: "How many rows does titanic.csv have?", said: "len(fd)", train: false },
      { asked: "NameError: name 'fd' is not defined", said: "len(df)", train: true },
      { asked: "891", said: "891 rows – „naïve“ \u{1F600}.", train: true },
    ],
  },
  {
    ...{ index: 3, system: "You are a data scientist.", native: true },
    exchanges: [
      { asked: "How many rows does titanic.csv have?", said: "len(df)", train: true, reasoning: "Load and count." },
      { asked: "891", said: "891 rows.", train: true, reasoning: "The count is 891." },
    ],
  },
];
const goldenFolder = fileURLToPath(new URL("../fixtures/golden", import.meta.url));

function jsonRows(rows: readonly unknown[]): string {
  const text = (row: unknown) =>
    JSON.stringify(row, (_key, value) => (typeof value === "bigint" ? Number(value) : value));
  return rows.map((row) => `${text(row)}\n`).join("");
}

/** Formats with no place for thinking; each says so in docs/exports.md. */
const withoutThinking = ["chat-jsonl", "openai", "azure", "mistral"];

const readers = written.filter(({ product, conversations }) => product === undefined && conversations !== undefined);

describe.each(readers.map((exporter) => [exporter.name, exporter] as const))("%s read back", (name, exporter) => {
  test.each(sets)("gives the conversations it was given: examples %s", async (_set, spoken) => {
    await using folder = await scratchFolder();
    const path = folder.at(exporter.fileName);
    const expected: Conversation[] = [];
    const examples = spoken.map(exampleFrom);
    await exporter.write(streamOf(examples as unknown[]), path, {
      placed(item, rows) {
        const example = item as Example;
        const parts = rows === 0 ? [] : name.endsWith("-steps") ? perStep(example) : [example];
        expect(parts, "rows of an example").toHaveLength(rows);
        expected.push(...parts);
      },
    });
    let row = 0;
    for await (const read of exporter.conversations?.(path) ?? []) {
      expect(read, `row ${row + 1}`).not.toBeNull();
      const thinks = !withoutThinking.includes(name);
      expect(meaning(read as Conversation, thinks), `row ${row + 1}`).toEqual(
        meaning(expected[row] as Conversation, thinks),
      );
      row += 1;
    }
    expect(row).toBe(expected.length);
  });
});

/** A conversation without what a format may change: ids of calls by their order, arguments as values. */
function meaning({ messages, tools }: Conversation, thinks: boolean) {
  const order = new Map<string, number>();
  return {
    messages: messages.map(({ role, content, reasoning, toolCalls = [], toolCallId, train }) => {
      for (const { id } of toolCalls) order.set(id, order.size);
      return {
        ...{ role, content, train },
        reasoning: thinks ? reasoning : undefined,
        calls: toolCalls.map((call) => ({
          name: call.name,
          id: order.get(call.id),
          arguments: JSON.parse(call.arguments),
        })),
        answers: toolCallId === undefined ? undefined : order.get(toolCallId),
      };
    }),
    tools: tools ?? [],
  };
}
