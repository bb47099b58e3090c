import { readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CheckOptions, Exporter, ExportProblem } from "../../src/contracts.ts";
import { exporters } from "../../src/exports/index.ts";
import { exampleProblems } from "../../src/exports/problems.ts";
import { type Exchange, exampleFrom, itemsFrom, type Spoken } from "../kit/export-items.ts";
import { framing, harmlessMutations, lineMutations, type RowMutation, rowMutations } from "../kit/mutations.ts";
import { rightRow, targetNamed } from "../kit/rule-file.ts";
import { scratchFolder, streamOf } from "../unit/export-fixtures.ts";

const text = fc
  .string({ unit: "binary", minLength: 1, maxLength: 30 })
  .map((value) => `a${value.replaceAll(/\0|\p{Surrogate}/gu, "?")}`);
const exchange: fc.Arbitrary<Exchange> = fc
  .record({ asked: text, said: text, train: fc.boolean(), thought: fc.option(text) })
  .map(({ thought, ...rest }) => ({ ...rest, ...(thought === null ? {} : { reasoning: thought }) }));
const spoken: fc.Arbitrary<Omit<Spoken, "index">> = fc
  .record({
    system: fc.option(text),
    exchanges: fc.array(exchange, { minLength: 2, maxLength: 4 }),
    native: fc.boolean(),
  })
  .filter((made) => exampleProblems(exampleFrom({ index: 0, ...made })).length === 0);
/** Of these every format has rows: a single exchange, one whose every answer is trained, one with calls, one with a masked answer, and others. */
const files = fc.array(spoken, { minLength: 10, maxLength: 10 }).map((made) =>
  [
    ...made,
    ...made
      .slice(0, 2)
      .map(({ exchanges }) => ({ system: null, exchanges: plain(exchanges.slice(0, 1)), native: false })),
    ...made.slice(0, 10).map(({ system, exchanges }, index) => ({
      ...{ system, native: index % 2 === 0 },
      exchanges: plain(exchanges).map((one) => ({ ...one, train: true })),
    })),
  ].map((one, index) => ({ index, ...one })),
);

function plain(exchanges: readonly Exchange[]): Exchange[] {
  return exchanges.map(({ reasoning: _, ...rest }) => rest);
}

/** A file that the target takes, as its own format writes it, or as `right` rows where nothing writes it. */
async function rightLines(target: string, made: readonly Spoken[], path: string): Promise<string[]> {
  const exporter = exporters.find(({ name }) => name === target);
  if (exporter === undefined) return made.map(({ index }) => JSON.stringify(rightRow(target, index)));
  const product = exporter.product ?? "sft";
  if (product === "trajectories") return [];
  const items = made.map((one) => itemsFrom(one)[product]);
  await (exporter as Exporter<unknown>).write(streamOf(items as unknown[]), path);
  return (await readFile(path, "utf8"))
    .replace(/^\uFEFF/, "")
    .trimEnd()
    .split("\n");
}

/** What is told of these lines. */
async function found(target: string, lines: readonly (string | Buffer)[], path: string, options: CheckOptions = {}) {
  const bom = target.startsWith("azure") ? "\uFEFF" : "";
  const bytes = lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")]);
  await writeFile(path, Buffer.concat([Buffer.from(bom), ...bytes]));
  return (await targetNamed(target).check(path, options)).filter(({ severity }) => severity === "error");
}

const names = Object.keys(framing);
const runs = { numRuns: 2 };
/** Mutations that were tried, by target: one that never fitted a row proves nothing. */
const tried = new Set<string>();

test.each(names)(
  "%s: valid files stay clean, and every mutation that breaks a rule is told under it",
  async (target) => {
    await using folder = await scratchFolder();
    const path = folder.at("rows.jsonl");
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), async (made, draw) => {
        const lines = await rightLines(target, made, path);
        expect(lines.length).toBeGreaterThan(1);
        expect(await found(target, lines, path)).toEqual([]);
        for (const [what, change] of Object.entries(harmlessMutations))
          expect(await found(target, lines.map(change), path), what).toEqual([]);
        const at = draw % lines.length;
        for (const [what, change] of Object.entries(lineMutations)) {
          const broken = await found(target, lines.with(at, change(lines[at] ?? "") as string), path);
          expect(rulesOf(broken, null), what).toContain(framing[target]);
        }
        for (const mutation of rowMutations) await breakRow(mutation, { target, lines, at, path });
      }),
      runs,
    );
  },
);

async function breakRow(
  { what, change, rules }: RowMutation,
  {
    target,
    lines,
    at,
    path,
  }: { readonly target: string; readonly lines: readonly string[]; readonly at: number; readonly path: string },
): Promise<void> {
  for (const [name, options] of [
    [target, {}],
    [`${target} --reasoning`, { reasoning: true }],
  ] as const) {
    const rule = rules[name];
    if (rule === undefined) continue;
    // From a line drawn onwards, the first that it can be done to; never the first line, which others are compared with.
    for (let step = 0; step < lines.length; step += 1) {
      const index = 1 + ((at + step) % (lines.length - 1));
      const row = JSON.parse(lines[index] ?? "");
      if (!change(row)) continue;
      const broken = await found(target, lines.with(index, JSON.stringify(row)), path, options);
      expect(rulesOf(broken, index + 1), `${what}: ${JSON.stringify(row)}`).toContain(rule);
      tried.add(`${name}: ${what}`);
      break;
    }
  }
}

function rulesOf(problems: readonly ExportProblem[], line: number | null): string[] {
  return problems.filter((problem) => line === null || problem.line === line).map(({ rule }) => rule);
}

test("every row of the table was tried on each target that it names, and every JSONL format has a line in it", () => {
  const asked = rowMutations.flatMap(({ what, rules }) => Object.keys(rules).map((target) => `${target}: ${what}`));
  expect(asked.filter((one) => !tried.has(one))).toEqual([]);
  const written = exporters.filter(
    ({ fileName, product }) => fileName.endsWith(".jsonl") && product !== "trajectories",
  );
  expect(written.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
});

test("a byte order mark is told where none belongs", async () => {
  await using folder = await scratchFolder();
  for (const target of names.filter((name) => !name.startsWith("azure"))) {
    await writeFile(folder.at("rows.jsonl"), "\uFEFF{}\n");
    const told = await targetNamed(target).check(folder.at("rows.jsonl"));
    expect(rulesOf(told, 1), target).toContain(framing[target]);
  }
});
