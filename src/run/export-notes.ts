// What a person should know of an export beside its files.
import type { ProductName } from "../domain/products.ts";
import type { ExportFacts, SplitCounts } from "../exports/manifest.ts";
import type { WrittenFormat } from "../exports/write-all.ts";

/** How far a split may be from its share before it is worth a word. */
const amiss = 0.05;

/** Sentences, without a full stop: splits that came out otherwise than asked, formats without a row for something, what was left out for its length. */
export function exportNotes({
  formats,
  facts,
}: {
  readonly formats: readonly WrittenFormat[];
  readonly facts: ExportFacts;
}): string[] {
  const { splits, length } = facts;
  return [
    ...Object.entries(splits ?? {}).flatMap(([name, counts]) => splitNotes(name, counts, splits ?? {})),
    ...formats
      .filter(({ items, product }) => items === 0 && product !== "sft")
      .map(({ format, product }) => `\`${format}\` is empty: ${nothingFor[product as Exclude<ProductName, "sft">]}`),
    ...formats
      .filter(({ without }) => without > 0)
      .map(
        ({ format, items, without }) =>
          `${without} of ${items} items have no row in \`${format}\` (docs/exports.md says why)`,
      ),
    ...(length === null || length.rejected === 0
      ? []
      : [`${length.rejected} examples of more than ${length.maxTokens} tokens were left out`]),
  ];
}

const nothingFor: Readonly<Record<Exclude<ProductName, "sft">, string>> = {
  preference: "no task has an accepted try and one that was rejected for its quality",
  kto: "no try was accepted, or rejected for its quality",
  rl: "no task with a try has a reference answer",
  steps: "no try was accepted, or rejected for its quality",
  trajectories: "no try ended",
};

function splitNotes(name: string, { share, groups, items }: SplitCounts, all: Readonly<Record<string, SplitCounts>>) {
  const datasets = Object.values(all).reduce((sum, counts) => sum + counts.groups, 0);
  if (items === 0)
    return [
      `None of ${datasets} source datasets fell into the split \`${name}\` (it is drawn by dataset, never by example): another \`export.seed\`, a larger share, or more datasets`,
    ];
  const got = groups / datasets;
  if (name === "train" || Math.abs(got - share) <= amiss) return [];
  return [
    `The split \`${name}\` has ${groups} of ${datasets} source datasets, ${percent(got)} where ${percent(share)} were asked for: each is drawn by itself, so that it stays where it is as others are added; with more of them, or another \`export.seed\`, it comes nearer`,
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
