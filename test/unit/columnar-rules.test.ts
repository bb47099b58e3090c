import { describe, expect, test } from "vitest";
import type { CheckOptions, Target } from "../../src/contracts.ts";
import { arrowExporter } from "../../src/exports/columnar/arrow.ts";
import { parquetExporter } from "../../src/exports/columnar/parquet.ts";
import { parquetJsonExporter } from "../../src/exports/columnar/parquet-json.ts";
import { columnarTargets } from "../../src/exports/columnar/targets.ts";
import { tokenisedExporter } from "../../src/exports/columnar/tokenised.ts";
import { verlRlExporter } from "../../src/exports/columnar/verl-rl.ts";
import { verlSftExporter, verlSftTrainableExporter } from "../../src/exports/columnar/verl-sft.ts";
import { duckdb, wordRenderer } from "./columnar-fixtures.ts";
import { scratchFolder } from "./export-fixtures.ts";

const [together, axolotl] = columnarTargets as [Target, Target];
const [sft, trainable, rl] = [verlSftExporter(), verlSftTrainableExporter(), verlRlExporter()];
const tokens = (columns: string) => `SELECT ${columns}`;
const good = "[1,2,3]::INTEGER[] AS input_ids, [1,1,1]::INTEGER[] AS attention_mask, [-100,2,3]::INTEGER[] AS labels";
const says = (messages: string, rest = "") => `SELECT ${messages} AS messages${rest}`;
const turns = "[{role: 'user', content: 'Q'}, {role: 'assistant', content: 'A'}]";
const task = (changes: Partial<Record<"source" | "prompt" | "reward" | "extra", string>> = {}) =>
  `SELECT ${changes.source ?? "'d' AS data_source"}, ${changes.prompt ?? "[{role: 'user', content: 'Q'}]"} AS prompt, 'a' AS ability,
   ${changes.reward ?? "{style: 'rule', ground_truth: '1'}"} AS reward_model, ${changes.extra ?? "{split: 'train', index: i}"} AS extra_info FROM range(3) AS t(i)`;
const short: CheckOptions = { renderer: wordRenderer, maxTokens: 2 };

interface Case {
  readonly target: Target;
  readonly rule: string;
  readonly what: string;
  readonly passes: string;
  readonly fails: string;
  readonly field: string;
  readonly line: number;
  readonly way: RegExp;
  readonly options?: CheckOptions;
  readonly file?: string;
}
const tokenCase = (
  target: Target,
  rule: string,
  what: string,
  fails: string,
  field: string,
  line: number,
  way: RegExp,
): Case => ({
  ...{ target, rule, what, fails: tokens(fails), field, line, way },
  passes: tokens(good),
});
const replaced = (column: string, value: string) =>
  good.replace(new RegExp(`\\[[^\\]]*\\]::INTEGER\\[\\] AS ${column}`), `${value} AS ${column}`);

const cases: Case[] = [
  tokenCase(together, "TG-R12", "no input_ids", "[1] AS labels", "input_ids", 0, /add it/),
  tokenCase(together, "TG-R12", "another column", `${good}, 'x' AS text`, "text", 0, /drop it/),
  tokenCase(together, "TG-R12", "text for tokens", replaced("input_ids", "'1 2 3'"), "input_ids", 0, /convert it/),
  tokenCase(
    together,
    "TG-R12",
    "shifted labels",
    replaced("labels", "[2,3,-100]::INTEGER[]"),
    "labels[0]",
    1,
    /shifted by one/,
  ),
  tokenCase(
    together,
    "TG-R12",
    "other labels",
    replaced("labels", "[-100,9,3]::INTEGER[]"),
    "labels[1]",
    1,
    /-100 or the token itself/,
  ),
  tokenCase(
    together,
    "TG-R12",
    "no loss",
    replaced("labels", "[-100,-100,-100]::INTEGER[]"),
    "labels",
    1,
    /drop the row/,
  ),
  tokenCase(
    together,
    "TG-R12",
    "another length",
    replaced("labels", "[2,3]::INTEGER[]"),
    "labels",
    1,
    /as many as input_ids/,
  ),
  tokenCase(
    together,
    "TG-R12",
    "a mask of 2",
    replaced("attention_mask", "[1,2,1]::INTEGER[]"),
    "attention_mask[1]",
    1,
    /0 or 1/,
  ),
  tokenCase(
    together,
    "TG-R12",
    "a null",
    replaced("input_ids", "[1,NULL,3]::INTEGER[]"),
    "input_ids",
    1,
    /without nulls/,
  ),
  tokenCase(
    axolotl,
    "AX-R4",
    "position_ids, which Together takes",
    `${good}, [0,1,2]::INTEGER[] AS position_ids`,
    "position_ids",
    0,
    /drop it/,
  ),
  tokenCase(tokenisedExporter(), "AX-R4", "a column for ids", `${good}, 'x' AS id`, "id", 0, /drop it/),
  tokenCase(
    tokenisedExporter(),
    "AX-R4",
    "chat lines",
    `${turns} AS messages`,
    "messages",
    0,
    /write it as `tokenised`/,
  ),
  {
    ...tokenCase(tokenisedExporter(), "TG-R12", "too many tokens", good, "input_ids", 1, /at most 2 tokens/),
    passes: "SELECT [1,2]::INTEGER[] AS input_ids, [1,1]::INTEGER[] AS attention_mask, [1,2]::INTEGER[] AS labels",
    options: { maxTokens: 2 },
  },

  {
    target: sft,
    rule: "VE-R1",
    what: "messages as JSON text",
    passes: says(turns),
    fails: says(`'[]'`),
    field: "messages",
    line: 0,
    way: /got string; pandas gives verl a text/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "messages marked as JSON",
    passes: says(turns),
    fails: says(`'[]'::JSON`),
    field: "messages",
    line: 0,
    way: /got JSON/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "a list of JSON",
    passes: says(turns),
    fails: says(`['{}'::JSON]`),
    field: "messages",
    line: 0,
    way: /got list<JSON>/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "no messages",
    passes: says(turns),
    fails: "SELECT 1 AS id",
    field: "messages",
    line: 0,
    way: /got nothing/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "tools as text",
    passes: says(turns, ", [{type: 'function'}] AS tools"),
    fails: says(turns, ", '[]' AS tools"),
    field: "tools",
    line: 0,
    way: /list<struct>/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "thinking as text",
    passes: says(turns, ", true AS enable_thinking"),
    fails: says(turns, ", 'yes' AS enable_thinking"),
    field: "enable_thinking",
    line: 0,
    way: /convert it/,
  },
  {
    target: sft,
    rule: "VE-R1",
    what: "a role nobody knows",
    passes: says(turns),
    fails: says("[{role: 'human', content: 'Q'}]"),
    field: "messages",
    line: 1,
    way: /mend it/,
  },
  {
    target: sft,
    rule: "VE-R2",
    what: "too many tokens",
    passes: says(turns),
    fails: says("[{role: 'user', content: 'Q Q'}, {role: 'assistant', content: 'A'}]"),
    field: "messages",
    line: 1,
    way: /Expected at most 2 tokens/,
    options: short,
  },
  {
    target: sft,
    rule: "VE-R4",
    what: "a masked message",
    passes: says("[{role: 'assistant', content: 'A', weight: 1}]"),
    fails: says("[{role: 'assistant', content: 'A', weight: 0}]"),
    field: "messages[0].weight",
    line: 1,
    way: /leave the row out/,
  },
  {
    target: sft,
    rule: "VE-R4",
    what: "trainable, which older copies do not know",
    passes: says("[{role: 'assistant', content: 'A', trainable: true}]"),
    fails: says("[{role: 'assistant', content: 'A', trainable: false}]"),
    field: "messages[0].trainable",
    line: 1,
    way: /verl-sft-trainable/,
  },
  {
    target: trainable,
    rule: "VE-R4",
    what: "another mask",
    passes: says("[{role: 'assistant', content: 'A', trainable: false}]"),
    fails: says("[{role: 'assistant', content: 'A', train: false}]"),
    field: "messages[0].train",
    line: 1,
    way: /leave the row out/,
  },
  {
    target: sft,
    rule: "VE-R4",
    what: "nothing to train on",
    passes: says(turns),
    fails: says("[{role: 'user', content: 'Q'}]"),
    field: "messages",
    line: 1,
    way: /drop the row/,
  },

  {
    target: rl,
    rule: "VR-R1",
    what: "a column that is missing",
    passes: task(),
    fails: task({ source: "1 AS other" }),
    field: "data_source",
    line: 0,
    way: /got nothing/,
  },
  {
    target: rl,
    rule: "VR-R1",
    what: "a prompt as text",
    passes: task(),
    fails: task({ prompt: "'Q'" }),
    field: "prompt",
    line: 0,
    way: /not as JSON text/,
  },
  {
    target: rl,
    rule: "VR-R1",
    what: "a reward as text",
    passes: task(),
    fails: task({ reward: "'{}'" }),
    field: "reward_model",
    line: 0,
    way: /not as JSON text/,
  },
  {
    target: rl,
    rule: "VR-R1",
    what: "a null",
    passes: task(),
    fails: task({ source: "CASE WHEN i = 1 THEN NULL ELSE 'd' END AS data_source" }),
    field: "data_source",
    line: 2,
    way: /fill it in/,
  },
  {
    target: rl,
    rule: "VR-R1",
    what: "a prompt without messages",
    passes: task(),
    fails: task({ prompt: "list_filter([{role: 'user', content: 'Q'}], x -> i = 0)" }),
    field: "prompt",
    line: 2,
    way: /mend the row/,
  },
  {
    target: rl,
    rule: "VR-R2",
    what: "a long prompt",
    passes: task(),
    fails: task({ prompt: "[{role: 'user', content: 'Q Q Q'}]" }),
    field: "prompt",
    line: 1,
    way: /without a word; raise it/,
    options: short,
  },
  {
    target: rl,
    rule: "VR-R3",
    what: "a number as the truth",
    passes: task(),
    fails: task({ reward: "{style: 'rule', ground_truth: 1}" }),
    field: "reward_model.ground_truth",
    line: 0,
    way: /string in all rows/,
  },
  {
    target: rl,
    rule: "VR-R3",
    what: "no truth in a row",
    passes: task(),
    fails: task({ reward: "{style: 'rule', ground_truth: CASE WHEN i = 2 THEN NULL ELSE '1' END}" }),
    field: "reward_model.ground_truth",
    line: 3,
    way: /string in all rows/,
  },
  {
    target: rl,
    rule: "VR-R4",
    what: "an index as text",
    passes: task(),
    fails: task({ extra: "{index: 'a'}" }),
    field: "extra_info.index",
    line: 0,
    way: /int64/,
  },
  {
    target: rl,
    rule: "VR-R4",
    what: "an index twice",
    passes: task(),
    fails: task({ extra: "{index: i // 2}" }),
    field: "extra_info.index",
    line: 2,
    way: /number the rows anew/,
  },
  {
    target: rl,
    rule: "VR-R4",
    what: "no index",
    passes: task(),
    fails: task({ extra: "{index: CASE WHEN i > 0 THEN NULL ELSE i END}" }),
    field: "extra_info.index",
    line: 2,
    way: /number the rows/,
  },
  {
    target: rl,
    rule: "VR-R5",
    what: "a name verl does not know",
    passes: task(),
    fails: task(),
    field: "",
    line: 0,
    way: /ends in \.parquet/,
    file: "bad.pq",
  },

  {
    target: parquetJsonExporter(),
    rule: "PQ-R1",
    what: "structs",
    passes: says('[\'{"role":"user","content":"Q"}\'::JSON, \'{"role":"assistant","content":"A"}\'::JSON]'),
    fails: says(turns),
    field: "messages",
    line: 0,
    way: /check it as `parquet`/,
  },
  {
    target: parquetJsonExporter(),
    rule: "PQ-R1",
    what: "texts without the mark",
    passes: says('[\'{"role":"user","content":"Q"}\'::JSON, \'{"role":"assistant","content":"A"}\'::JSON]'),
    fails: says("['{}']"),
    field: "messages",
    line: 0,
    way: /stays a string/,
  },
  {
    target: parquetJsonExporter(),
    rule: "PQ-R2",
    what: "arguments as text",
    passes: says('[\'{"role":"user","content":"Q"}\'::JSON, \'{"role":"assistant","content":"A"}\'::JSON]'),
    fails: says(
      `['{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}'::JSON]`,
    ),
    field: "messages.0.tool_calls.0.function.arguments",
    line: 1,
    way: /as an object/,
  },
];

describe("a file of others", () => {
  test.each(cases.map((each) => [each.target.name, each.rule, each.what, each] as const))(
    "%s, %s: %s",
    async (_, rule, __, each) => {
      await using folder = await scratchFolder();
      const [passing, failing] = [folder.at("good.parquet"), folder.at(each.file ?? "bad.parquet")];
      await duckdb(`COPY (${each.passes}) TO '${passing}' (FORMAT parquet)`);
      await duckdb(`COPY (${each.fails}) TO '${failing}' (FORMAT parquet)`);
      expect((await each.target.check(passing, each.options)).filter((problem) => problem.rule === rule)).toEqual([]);
      const [problem] = (await each.target.check(failing, each.options)).filter(
        ({ rule: found, field }) => found === rule && field === each.field,
      );
      expect(problem).toMatchObject({ rule, field: each.field, line: each.line, severity: "error" });
      expect(problem?.message).toMatch(each.way);
    },
  );
});

test("Together takes position_ids beside the three", async () => {
  await using folder = await scratchFolder();
  await duckdb(
    `COPY (SELECT ${good}, [0,1,2]::INTEGER[] AS position_ids) TO '${folder.at("t.parquet")}' (FORMAT parquet)`,
  );
  expect(await together.check(folder.at("t.parquet"))).toEqual([]);
});

test("without a limit of the user's own, verl's default is a warning that names it", async () => {
  await using folder = await scratchFolder();
  const long = `[{role: 'user', content: repeat('Q ', 1100)}, {role: 'assistant', content: 'A'}]`;
  await duckdb(`COPY (${says(long)}) TO '${folder.at("s.parquet")}' (FORMAT parquet)`);
  const found = await sft.check(folder.at("s.parquet"), { renderer: wordRenderer });
  expect(found).toMatchObject([{ rule: "VE-R2", severity: "warning", line: 1 }]);
  expect(await sft.check(folder.at("s.parquet"))).toEqual([]);
});

test("PQ-R4: a row group of more than 100 MB is told", async () => {
  await using folder = await scratchFolder();
  const path = folder.at("large.parquet");
  await duckdb(
    `COPY (SELECT ['{"role":"user","content":"Q"}'::JSON, ('{"role":"assistant","content":"' || repeat(md5(i::VARCHAR), 40000) || '"}')::JSON] AS messages FROM range(80) t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 100000, DICTIONARY_SIZE_LIMIT 1)`,
  );
  expect(await parquetJsonExporter().check(path)).toMatchObject([{ rule: "PQ-R4", line: 0 }]);
});

test("every columnar check tells a file of another kind, by its own rule", async () => {
  await using folder = await scratchFolder();
  const { writeFile } = await import("node:fs/promises");
  await writeFile(folder.at("x.parquet"), "PAR1 and nothing else");
  for (const target of [parquetExporter(), parquetJsonExporter(), sft, trainable, rl, together, axolotl])
    expect(await target.check(folder.at("x.parquet"))).toMatchObject([{ rule: "PQ-R2", line: 0 }]);
  expect((await arrowExporter().check(folder.at("x.parquet"))).map(({ rule }) => rule)).toContain("AR-R2");
});
