import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Renderer } from "../../src/contracts.ts";
import type { Example } from "../../src/domain/example.ts";
import { exampleProblems } from "../../src/exports/problems.ts";
import { type LengthPolicy, lengthTally, withLength } from "../../src/exports/render/length.ts";
import { openRenderer } from "../../src/exports/render/open.ts";
import { perStep } from "../../src/exports/render/per-step.ts";
import { shortened } from "../../src/exports/render/shorten.ts";
import { tokenTally } from "../../src/exports/render/token-tally.ts";
import { rowPreview } from "../../src/run/row-preview.ts";
import { smallTokenizer, templatePath } from "../kit/small-tokenizer.ts";
import { callingExample, exampleOf, say, scratchFolder, streamOf } from "./export-fixtures.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let renderer: Renderer;
beforeAll(async () => {
  folder = await scratchFolder();
  renderer = await openRenderer({ tokenizer: await smallTokenizer(folder.at("model"), "marked") });
});
afterAll(() => folder[Symbol.asyncDispose]());

const long = (lines: number, word: string) =>
  `<information>\n${Array.from({ length: lines }, (_, index) => `row ${index} ${word}${index}`).join("\n")}\n</information>\n\n[4 messages left]`;

/** A conversation with observations of these many lines, every answer trained. */
function explored(sizes: readonly number[], changes: Partial<Example> = {}): Example {
  return exampleOf(1, {
    transforms: [],
    messages: [
      say("system", "You count."),
      say("user", "How many rows?"),
      ...sizes.flatMap((lines, index) => [
        say("assistant", `<python>\nprint(step(${index}))\n</python>`, true),
        say("user", long(lines, `word${index}x`)),
      ]),
      say("assistant", "<answer>891</answer>", true),
    ],
    ...changes,
  });
}

async function applied(examples: readonly Example[], over: LengthPolicy, maxTokens: number) {
  const tally = lengthTally();
  const out: Example[] = [];
  for await (const one of withLength(streamOf(examples), { renderer, maxTokens, over, tally })) out.push(one);
  return { out, counts: tally.counts() };
}

test("what fits is not touched, whatever the policy", async () => {
  const example = explored([2]);
  const tokens = renderer.count(example);
  for (const over of ["reject", "split", "shorten"] as const) {
    const { out, counts } = await applied([example], over, tokens);
    expect(out).toEqual([example]);
    expect(counts).toMatchObject({ whole: 1, rejected: 0, split: 0, shortened: 0 });
  }
});

test("`reject` leaves out what is longer, and counts it", async () => {
  const example = explored([2]);
  const { out, counts } = await applied([example, explored([40])], "reject", renderer.count(example));
  expect(out).toEqual([example]);
  expect(counts).toMatchObject({ whole: 1, rejected: 1 });
});

test("`split` makes a row of each step that fits: all before it as context, the step with loss", async () => {
  const example = explored([1, 60]);
  const steps = perStep(example);
  expect(steps.map(({ messages }) => messages.length)).toEqual([3, 5, 7]);
  for (const { messages, transforms, id } of steps) {
    expect(messages.map(({ train }) => train)).toEqual(messages.map((_, index) => index === messages.length - 1));
    expect(transforms).toEqual(["per_step"]);
    expect(id).not.toBe(example.id);
  }
  const { out, counts } = await applied([example], "split", renderer.count(steps[1] as Example));
  expect(out).toEqual(steps.slice(0, 2));
  expect(counts).toMatchObject({ split: 1, rows: 2, tooLong: 1, rejected: 0 });
  expect(out.flatMap(exampleProblems)).toEqual([]);
});

test("a row a step has no earlier thinking in it, and may end in a call", () => {
  const calling = callingExample(1);
  const thought = calling.messages.map((message) => (message.train ? { ...message, reasoning: "Hm." } : message));
  const steps = perStep({ ...calling, messages: thought });
  expect(steps.map(({ messages }) => messages.filter(({ reasoning }) => reasoning !== undefined).length)).toEqual([
    1, 1,
  ]);
  expect(steps[0]?.messages.at(-1)?.toolCalls).toHaveLength(1);
  expect(steps.flatMap(exampleProblems)).toEqual([]);
});

test("`shorten` takes from the longest observation first, with the agent's own marker, and names it", async () => {
  const example = explored([30, 400]);
  const { out, counts } = await applied([example], "shorten", renderer.count(example) - 500);
  const [only] = out;
  expect(counts).toMatchObject({ shortened: 1, rejected: 0 });
  expect(only?.transforms).toEqual(["shorten_observations"]);
  expect(only?.messages[3]).toEqual(example.messages[3]);
  expect(only?.messages[5]?.content).toMatch(
    /^<information>[\s\S]*\n\[\.\.\. [\d,]+ characters of this output were left out to make room \.\.\.\]\n[\s\S]*\[4 messages left\]$/,
  );
  const said = (messages: Example["messages"]) =>
    messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
  expect(said(only?.messages ?? [])).toEqual(said(example.messages));
});

test("a message that uses what was left out loses its loss, and one that does not keeps it", () => {
  const example = explored([400], {});
  const uses = (word: string) => [...example.messages.slice(0, -1), say("assistant", `<answer>${word}</answer>`, true)];
  const trained = (word: string) =>
    shortened({ ...example, messages: uses(word) }, { renderer, maxTokens: 1_500 })?.messages.map(({ train }) => train);
  expect(trained("word0x200")?.at(-1)).toBe(false);
  expect(trained("word0x399")?.at(-1)).toBe(true);
  expect(trained("nothing")?.at(-1)).toBe(true);
});

test.each([
  ["thinks of what is left out", { reasoning: "It has word0x200." }, false],
  ["hands it to a function", { toolCalls: [{ id: "c", name: "python", arguments: '{"code":"word0x200"}' }] }, false],
  ["rounds a number that is left out", { content: "<answer>29.7</answer>" }, false],
  ["reckons a number from what is left out", { content: "<answer>777777</answer>" }, false],
  ["rounds a number that is left", { content: "<answer>81.5</answer>" }, true],
  ["writes a number that is left with commas", { content: "<answer>1,234,567</answer>" }, true],
  ["says something of its own", { content: "<answer>none</answer>" }, true],
])("after a shortened observation, a message that %s: loss %s", (_what, changes, expected) => {
  const lines = long(400, "word0x").replace("row 200 ", "row 200 29.699 ").replace("row 1 ", "row 1 81.4967 1234567 ");
  const example = explored([400]);
  const messages = [
    ...example.messages.slice(0, 3),
    say("user", lines),
    { ...say("assistant", "Hm.", true), ...changes },
  ];
  const short = shortened({ ...example, messages }, { renderer, maxTokens: 1_500 });
  expect(short?.messages[3]?.content).toContain("81.4967");
  expect(short?.messages[3]?.content).not.toContain("29.699");
  expect(short?.messages.map(({ train }) => train)).toEqual([false, false, true, false, expected]);
});

test("an example that the template refuses is named", async () => {
  const strict = await openRenderer({ tokenizer: folder.at("model"), template: templatePath("strict") });
  const [, ...unled] = explored([1]).messages;
  const example = explored([1], { messages: unled });
  const passed = withLength(streamOf([example]), {
    renderer: strict,
    maxTokens: 9,
    over: "reject",
    tally: lengthTally(),
  });
  await expect(passed.next()).rejects.toThrow(`Example ${example.id}: The chat template refuses this conversation`);
});

test("what cannot be made short enough, or has nothing left to train on, is rejected and counted", async () => {
  const example = explored([400]);
  const asks = {
    ...example,
    messages: example.messages.map((message, index) => ({ ...message, train: index === 4 && message.train })),
  };
  const uses = {
    ...asks,
    messages: [...asks.messages.slice(0, -1), say("assistant", "<answer>word0x200</answer>", true)],
  };
  expect((await applied([example], "shorten", 20)).counts).toMatchObject({ rejected: 1, shortened: 0 });
  expect((await applied([uses], "shorten", 1_500)).counts).toMatchObject({ rejected: 1, shortened: 0 });
});

test("no policy lets through what is too long, and every example is counted once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(120), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 50, max: 2_000 }),
      fc.constantFrom<LengthPolicy>("reject", "split", "shorten"),
      async (shapes, maxTokens, over) => {
        const { out, counts } = await applied(
          shapes.map((sizes) => explored(sizes)),
          over,
          maxTokens,
        );
        for (const one of out) expect(renderer.count(one)).toBeLessThanOrEqual(maxTokens);
        expect(counts.whole + counts.rejected + counts.split + counts.shortened).toBe(shapes.length);
        expect(out).toHaveLength(counts.whole + counts.rows + counts.shortened);
        expect(out.flatMap(exampleProblems)).toEqual([]);
      },
    ),
    { numRuns: 25 },
  );
});

test("tokens are counted with their loss, and their middle and end by rows", () => {
  const sizes = Array.from({ length: 20 }, (_, index) => 2 * index);
  const rows = sizes.map((lines) => explored([lines]));
  const tally = tokenTally(renderer);
  for (const row of rows) tally.add(row);
  const each = rows.map((row) => renderer.count(row));
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  const { median, p95, ...counts } = tally.counts();
  expect(counts).toEqual({
    ...{ rows: 20, tokens: sum(each), longest: each.at(-1), unplaced: 0, estimated: false },
    trained: sum(rows.map((row) => renderer.tokenise(row).labels.filter((label) => label !== -100).length)),
  });
  expect([median, p95].map((at, index) => at / (each[index === 0 ? 9 : 18] ?? 0))).toEqual([
    expect.closeTo(1, 2),
    expect.closeTo(1, 2),
  ]);
  expect(tokenTally(renderer).counts()).toMatchObject({ rows: 0, tokens: 0, median: 0, p95: 0, longest: 0 });
});

test("tokens of rows on which loss cannot be placed are counted, and so are those rows", async () => {
  const everything = await openRenderer({ tokenizer: folder.at("model"), template: templatePath("everything") });
  const tally = tokenTally(everything);
  tally.add(explored([1]));
  expect(tally.counts()).toMatchObject({ tokens: everything.count(explored([1])), trained: 0, unplaced: 1 });
  const counting = tokenTally(await openRenderer({ tokenizer: "o200k_base" }));
  counting.add(explored([1]));
  expect(counting.counts()).toMatchObject({ rows: 1, trained: null, unplaced: 0, estimated: true });
});

test("a preview marks the loss, counts tokens, and shows no control character of the data", () => {
  const example = explored([1]);
  const bell = {
    ...example,
    messages: example.messages.map((message) => ({ ...message, content: `${message.content}\u001b[31m` })),
  };
  const page = rowPreview(bell, { renderer, colour: false });
  expect(page).toMatch(/^\d+ tokens, \d+ with loss \(\d+\.\d %; in ⟦…⟧\)\n/);
  expect(page).toContain("<|im_start|>assistant\n⟦<answer>891</answer>\ufffd[31m<|im_end|>⟧");
  expect(page).not.toContain("\u001b");
  expect(page.match(/⟦/g)?.length).toBeGreaterThan(1);
  expect(rowPreview(example, { renderer, colour: true })).toContain(
    "\u001b[30;42m<answer>891</answer><|im_end|>\u001b[0m",
  );
});

test("a preview without a template says that it is none", async () => {
  const counting = await openRenderer({ tokenizer: "o200k_base" });
  const page = rowPreview(explored([1]), { renderer: counting, colour: false });
  expect(page).toMatch(
    /^about \d+ tokens; messages as they are written; what a trainer makes of them shows with `--tokenizer`/,
  );
  expect(page).toContain("--- assistant (loss)\n⟦<answer>891</answer>⟧");
  expect(page).toContain("--- user\nHow many rows?");
});
