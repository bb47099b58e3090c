// The export pass: every format that is asked for, from a line as it ends or from a run's ledger.
import type { RunLedger } from "../archive/run-ledger.ts";
import type { Exporter, Renderer } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import type { Example } from "../domain/example.ts";
import type { ProductItems } from "../domain/products.ts";
import { writeCompanions } from "../exports/companions.ts";
import { type AnyExporter, exporters } from "../exports/index.ts";
import type { ExportFacts, SplitCounts } from "../exports/manifest.ts";
import type { ExportOptions } from "../exports/options.ts";
import { collectPlaces } from "../exports/places.ts";
import { productItems, type TriedProduct } from "../exports/products/index.ts";
import { lengthTally, withLength } from "../exports/render/length.ts";
import { openRenderer } from "../exports/render/open.ts";
import { perStep } from "../exports/render/per-step.ts";
import { tokenTally } from "../exports/render/token-tally.ts";
import { type SplitName, shuffled, splitNames, splitOf } from "../exports/splits.ts";
import { exportItems, type WrittenFormat } from "../exports/write-all.ts";
import { exportNotes } from "./export-notes.ts";

/** What an export is made with; opened before a run spends anything. */
export interface ExportPlan {
  readonly options: ExportOptions;
  /** The formats in the order of the list, and a recipe's own. */
  readonly exporters: readonly AnyExporter[];
  readonly renderer: Renderer | null;
  readonly seed: number;
}

/**
 * Opens what an export needs and checks that it fits together. `seed` is the run's; paths of tokenizer and template are resolved by the caller.
 * @throws {UsageError} naming the option of `export` and the way out.
 */
export async function planExport(
  options: ExportOptions,
  { seed, own = [] }: { readonly seed: number; readonly own?: readonly Exporter[] },
): Promise<ExportPlan> {
  const chosen = [...exporters.filter(({ name }) => options.formats.includes(name)), ...own];
  const { tokenizer, template, length, split } = options;
  if (template !== undefined && tokenizer === undefined)
    throw new UsageError(
      "Expected `export.tokenizer` beside `export.template`, got none: name the model's tokenizer files",
    );
  const needing = chosen.filter(({ needsRenderer }) => needsRenderer === true).map(({ name }) => `\`${name}\``);
  if (tokenizer === undefined && (length !== undefined || needing.length > 0)) {
    const why = length === undefined ? `the format ${needing.join(", ")} needs` : "`export.length` counts with";
    throw new UsageError(
      `Expected \`export.tokenizer\`, which ${why}; name a folder with tokenizer.json and a chat template (docs/rendering.md)`,
    );
  }
  if (split !== undefined && split.validation + split.test >= 1)
    throw new UsageError(
      `Expected \`export.split.validation\` and \`export.split.test\` to leave something to train on, got ${split.validation} and ${split.test}`,
    );
  const renderer = tokenizer === undefined ? null : await openRenderer({ tokenizer, template });
  if (renderer !== null && !renderer.exact && needing.length > 0)
    throw new UsageError(
      `Expected \`export.tokenizer\` to be a tokenizer with a chat template for ${needing.join(", ")}, got the encoding \`${tokenizer}\`, which only counts`,
    );
  return { options, exporters: chosen, renderer, seed: options.seed ?? seed };
}

/** Whether examples can be written as they come: no split and no order of their own. */
export function canStream({ options }: ExportPlan): boolean {
  return options.split === undefined && !options.shuffle;
}

export interface ExportRunOptions {
  readonly plan: ExportPlan;
  readonly folder: string;
  /** Where examples.csv is written. */
  readonly indexPath: string;
  /** Opens the ledger, once the line has ended. */
  readonly openLedger: () => Promise<RunLedger>;
  /** The line's examples as they come, for a run; without it they are read from the ledger. */
  readonly examples?: AsyncIterable<Example>;
  /** Told of every example of the run, before a length policy, once. */
  readonly watch?: (example: Example) => void;
  /** Told of every item as it is written, for progress. */
  readonly written?: (product: string) => void;
  readonly signal?: AbortSignal;
}

/** What an export came to. `notes` are sentences for the person. */
export interface ExportResult {
  readonly formats: readonly WrittenFormat[];
  /** Paths of what trainers read beside the data. */
  readonly companions: readonly string[];
  readonly facts: ExportFacts;
  readonly notes: readonly string[];
}

/** Writes everything that the plan asks for. @throws {UsageError} where a body is gone; {StoreError} when the disk refuses. */
export async function exportRun(options: ExportRunOptions): Promise<ExportResult> {
  const { plan, folder } = options;
  const { exporters: chosen, renderer } = plan;
  await using places = collectPlaces(options.indexPath);
  const tally = lengthTally();
  const tokens = renderer === null ? null : tokenTally(renderer);
  const shared = {
    folder,
    folders: plan.options.split !== undefined || plan.options.shards !== undefined,
    shards: plan.options.shards && { bytes: bytesOf(plan.options.shards.megabytes), items: plan.options.shards.items },
    places,
    parquetEngine: plan.options.parquetEngine,
    ...(renderer === null ? {} : { renderer }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const sft = chosen.filter(isSft);
  const others = chosen.filter((exporter) => !isSft(exporter));
  const formats: WrittenFormat[] = [];
  const shaped = (examples: AsyncIterable<Example>) => seen(shapedExamples(examples, plan, tally), tokens?.add);

  const { examples } = options;
  const streams = examples !== undefined && canStream(plan);
  if (examples !== undefined && streams)
    formats.push(
      ...(await exportItems({
        ...shared,
        exporters: sft,
        splits: [{ name: "train", items: shaped(seen(examples, options.watch)) }],
        watch: options.written && (() => options.written?.("sft")),
      })),
    );
  if (examples !== undefined && !streams) for await (const example of examples) options.watch?.(example);
  const finish = async (counts: Record<string, SplitCounts> | null) => {
    // Once for all products: formats of several share one dataset_info.json.
    const named = formats.map(({ format, files }) => ({ exporter: exporterOf(chosen, format), files }));
    const companions = await writeCompanions(named, shared);
    await places.join(folder);
    return {
      companions,
      ...resultOf(plan, { formats, counts, length: tally, tokens: sft.length === 0 ? null : tokens }),
    };
  };
  if (streams && others.length === 0) return await finish(null); // before the places are disposed

  await using ledger = await options.openLedger();
  let counts: Record<string, SplitCounts> | null = null;
  if (!streams) {
    const splits = exampleSplits(ledger, plan);
    counts =
      plan.options.split === undefined
        ? null
        : Object.fromEntries(
            splits.map(({ name, share, groups, ids }) => [name, { share, groups, items: ids.length }]),
          );
    const watch = examples === undefined ? options.watch : undefined;
    formats.push(
      ...(await exportItems({
        ...shared,
        exporters: sft,
        splits: splits.map(({ name, ids }) => ({ name, items: shaped(seen(read(ids, ledger.example), watch)) })),
        watch: options.written && (() => options.written?.("sft")),
      })),
    );
  }
  for (const product of new Set(others.map((exporter) => exporter.product ?? "sft"))) {
    if (product === "sft") continue;
    formats.push(
      ...(await exportItems({
        ...shared,
        exporters: others.filter((exporter) => exporter.product === product) as Exporter<ProductItems[TriedProduct]>[],
        splits: productSplits(ledger, { product, plan }),
        position: 1_000 * (formats.length + 1),
        watch: options.written && (() => options.written?.(product)),
      })),
    );
  }
  return await finish(counts);
}

function exporterOf(chosen: readonly AnyExporter[], format: string): AnyExporter {
  const found = chosen.find(({ name }) => name === format);
  if (found === undefined) throw new Error(`Expected a format that was asked for, got ${format}`);
  return found;
}

/** The rows of a run's examples as a format without splits gets them: in the order, by step and within the length that were asked for. */
export function exampleRows(ledger: RunLedger, plan: ExportPlan): AsyncIterable<Example> {
  const { options, seed } = plan;
  const ids = options.shuffle ? shuffled(ledger.exampleIds, seed) : ledger.exampleIds;
  return shapedExamples(read(ids, ledger.example), plan, lengthTally());
}

function isSft(exporter: AnyExporter): exporter is Exporter {
  return exporter.product === undefined || exporter.product === "sft";
}

function bytesOf(megabytes: number | undefined): number | undefined {
  return megabytes === undefined ? undefined : megabytes * 1e6;
}

async function* seen(examples: AsyncIterable<Example>, watch: ((example: Example) => void) | undefined) {
  for await (const example of examples) {
    watch?.(example);
    yield example;
  }
}

async function* read<T>(ids: readonly string[], get: (id: string) => T): AsyncGenerator<T> {
  for (const id of ids) yield get(id);
}

async function* shapedExamples(
  examples: AsyncIterable<Example>,
  { options, renderer }: ExportPlan,
  tally: ReturnType<typeof lengthTally>,
): AsyncGenerator<Example> {
  const steps = options.perStep ? expanded(examples) : examples;
  if (options.length === undefined || renderer === null) yield* steps;
  else yield* withLength(steps, { renderer, tally, ...options.length });
}

async function* expanded(examples: AsyncIterable<Example>): AsyncGenerator<Example> {
  for await (const example of examples) yield* perStep(example);
}

interface ExampleSplit {
  readonly name: SplitName;
  readonly share: number;
  readonly ids: readonly string[];
  readonly groups: number;
}

/** The examples of each split. A pass over the bodies where there are splits: a group stands in them alone. */
function exampleSplits(ledger: RunLedger, { options, seed }: ExportPlan): ExampleSplit[] {
  const ids = options.shuffle ? shuffled(ledger.exampleIds, seed) : ledger.exampleIds;
  const { split } = options;
  if (split === undefined) return [{ name: "train", share: 1, ids, groups: 0 }];
  const parts = new Map<SplitName, { ids: string[]; groups: Set<string> }>();
  for (const id of ids) {
    const { group } = ledger.example(id);
    const name = splitOf(group, split, seed);
    const part = parts.get(name) ?? { ids: [], groups: new Set() };
    part.ids.push(id);
    part.groups.add(group);
    parts.set(name, part);
  }
  return splitNames
    .filter((name) => name === "train" || split[name] > 0)
    .map((name) => ({
      name,
      share: name === "train" ? 1 - split.validation - split.test : split[name],
      ids: parts.get(name)?.ids ?? [],
      groups: parts.get(name)?.groups.size ?? 0,
    }));
}

function productSplits(
  ledger: RunLedger,
  { product, plan }: { readonly product: TriedProduct; readonly plan: ExportPlan },
): { name: SplitName; items: AsyncIterable<ProductItems[TriedProduct]> }[] {
  const { options, seed } = plan;
  const taskIds = options.shuffle ? shuffled(ledger.taskIds, seed) : ledger.taskIds;
  async function* items(name: SplitName | null) {
    for (const id of taskIds) {
      const tries = ledger.triesOf(id);
      const group = tries[0]?.group ?? "";
      if (name !== null && options.split !== undefined && splitOf(group, options.split, seed) !== name) continue;
      yield* productItems(product, tries, { pairsPerTask: options.pairsPerTask });
    }
  }
  const { split } = options;
  if (split === undefined) return [{ name: "train", items: items(null) }];
  return splitNames.filter((name) => name === "train" || split[name] > 0).map((name) => ({ name, items: items(name) }));
}

function resultOf(
  { options, renderer, seed }: ExportPlan,
  made: {
    readonly formats: readonly WrittenFormat[];
    readonly counts: Readonly<Record<string, SplitCounts>> | null;
    readonly length: ReturnType<typeof lengthTally>;
    readonly tokens: ReturnType<typeof tokenTally> | null;
  },
): Omit<ExportResult, "companions"> {
  const { formats, counts } = made;
  const { length } = options;
  const facts: ExportFacts = {
    seed: options.split === undefined && !options.shuffle ? null : seed,
    shuffled: options.shuffle,
    perStep: options.perStep,
    splits: counts,
    length: length === undefined ? null : { ...length, ...made.length.counts() },
    renderer: renderer === null ? null : renderer.identity,
    tokens: made.tokens?.counts() ?? null,
  };
  return { formats, facts, notes: exportNotes({ formats, facts }) };
}
