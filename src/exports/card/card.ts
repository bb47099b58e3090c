import { join, relative } from "node:path";
import { stringify } from "yaml";
import type { FunnelRow } from "../../domain/run.ts";
import { writeTextFile } from "../atomic-file.ts";
import type { TokenCounts } from "../render/token-tally.ts";
import { besideData } from "./beside-data.ts";
import { judgeSection, lengthsSection, limitsSection, promptsSection, triesRows } from "./card-sections.ts";
import { type Column, columnsOf } from "./columns.ts";
import { croissant } from "./croissant.ts";
import { frontMatter } from "./front-matter.ts";
import { isStated, unlicensedSentence } from "./licences.ts";
import { markdownTable as table } from "./markdown.ts";
import type { CardModel, CardSubject } from "./subject.ts";
import type { ExampleStatistics } from "./tally.ts";

/** The dataset card (README.md of the exports folder): YAML front matter as the Hugging Face Hub reads it, then what a person asks. */
export function datasetCard(subject: CardSubject): string {
  const { models, owed, stopped } = subject;
  const sections = [
    `# ${subject.title}`,
    ...(stopped ? [unfinished] : []),
    ...(owed > 0 ? [provisional(owed)] : []),
    ...(typeof subject.limit === "number" ? [limited(subject.limit, subject.preview === true)] : []),
    ...unchecked(subject.tally.statistics()),
    ...waived(subject.funnel),
    ...(models.some((model) => model.program) ? [demonstration(models)] : []),
    "Training data for data-science agents: conversations in which an assistant answers a question about a dataset by running Python in a sandbox.",
    `Made by Tracemill, run \`${subject.run}\`. Every example passed the gates in the funnel below.${triedProducts(subject)}`,
    filesSection(subject),
    `## Statistics\n\n${table(["", "count"], [...statisticsRows(subject), ...triesRows(subject)])}`,
    ...lengthsSection(subject),
    funnelSection(subject.funnel),
    sourcesSection(subject),
    `## Models\n\n${table(
      ["alias", "model", "kind"],
      models.map(({ name, identity, program }) => [
        name,
        typeof identity.model === "string" ? identity.model : name,
        program ? "a program, not an LLM" : "language model",
      ]),
    )}`,
    ...judgeSection(subject),
    ...promptsSection(subject),
    limitsSection(subject),
  ];
  return `---\n${stringify(frontMatter(subject), { lineWidth: 0 })}---\n\n${sections.join("\n\n")}\n`;
}

/**
 * Writes what makes the folder a dataset repository: the card as `README.md`, `croissant.json`, the prompts byte for byte below `prompts/`.
 * @throws {StoreError} when the disk refuses.
 */
export async function writeCard(subject: CardSubject): Promise<void> {
  const { folder, prompts = [] } = subject;
  for (const { name, text } of prompts) if (text !== null) await writeTextFile(join(folder, "prompts", name), text);
  await writeTextFile(join(folder, "README.md"), datasetCard(subject));
  const known = { columns: await columnsOfFiles(subject), beside: await besideData(subject) };
  await writeTextFile(join(folder, "croissant.json"), `${JSON.stringify(croissant(subject, known), null, 2)}\n`);
}

/** What is not an example: products made of all tries hold failed ones on purpose. */
function triedProducts({ formats }: CardSubject): string {
  const others = formats.filter(({ product }) => product !== "sft").map(({ format }) => `\`${format}\``);
  if (others.length === 0) return "";
  return ` Not so ${others.join(", ")}: made of all tries, as pairs, labels or tasks, and tries that a gate dropped are in there as what not to imitate. The statistics below count examples.`;
}

async function columnsOfFiles({ formats }: CardSubject): Promise<Map<string, Column[]>> {
  const columns = new Map<string, Column[]>();
  for (const { path } of formats.flatMap(({ files }) => files)) {
    const known = await columnsOf(path);
    if (known !== null) columns.set(path, known);
  }
  return columns;
}

function filesSection({ formats, folder, facts }: CardSubject): string {
  const rows = formats.flatMap(({ format, product, files }) =>
    files.map((file) => [
      relative(folder, file.path),
      format,
      product,
      file.split ?? "train",
      file.rows,
      file.bytes,
      file.sha256,
    ]),
  );
  const without = formats
    .filter((format) => format.without > 0)
    .map(
      ({ format, items, without: left }) =>
        `${left} of ${items} items have no row in \`${format}\`: it has no place for them.`,
    );
  const splits = Object.entries(facts.splits ?? {}).map(
    ([name, { share, groups, items }]) =>
      `\`${name}\`: ${items} examples of ${groups} source datasets (asked for: ${Math.round(share * 100)} % of them).`,
  );
  const { length, tokens } = facts;
  const counted = tokens === null || tokens.rows === 0 ? [] : [tokensSentence(tokens)];
  const cut =
    length === null
      ? []
      : [
          `Examples of more than ${length.maxTokens} tokens: ${length.rejected} left out, ${length.split} split into ${length.rows} rows by step (${length.tooLong} more steps were too long), ${length.shortened} with shortened observations (${length.masked} of them with less loss, for they use what is gone); ${length.whole} were not touched.`,
        ];
  return [
    `## Files\n\n${table(["file", "format", "product", "split", "rows", "bytes", "sha256"], rows)}`,
    "Every `.jsonl` file in this folder is training data, and nothing else is. Loss falls on the assistant messages that are worth imitating; how a format says so is in its own words (`weight`, `train`, `loss`, labels of -100).",
    ...(splits.length === 0
      ? []
      : [`Splits are drawn by source dataset, never by example (seed ${facts.seed}): ${splits.join(" ")}`]),
    ...(facts.shuffled ? [`The order is drawn by the seed ${facts.seed}.`] : []),
    ...cut,
    ...counted,
    ...without,
  ].join("\n\n");
}

function tokensSentence(counts: TokenCounts): string {
  const { rows, tokens, trained, unplaced, median, p95, longest, estimated } = counts;
  const loss =
    trained === null
      ? ""
      : `, ${trained} of them with loss${unplaced === 0 ? "" : ` (not counted on ${unplaced}, where the template does not show it)`}`;
  const how = estimated
    ? " An estimate by the encoding of the configuration."
    : " By the tokenizer and template of the configuration.";
  return `Tokens: ${tokens} in ${rows} examples as written${loss}; ${median} in the median, ${p95} in the 95th percentile, ${longest} in the longest.${how}`;
}

function funnelSection(funnel: readonly FunnelRow[]): string {
  const header = ["stage", "in", "passed", "rejected", "failed", "pending", "out", "reasons"];
  const rows = funnel.map((row) => [
    row.stage,
    row.in,
    row.passed,
    row.rejected,
    row.failed,
    row.pending,
    row.out,
    reasons(row.reasons),
  ]);
  return `## Funnel

What became of the items of each stage: in = passed + rejected + failed + pending; out counts what the passed items became.

${table(header, rows)}`;
}

function sourcesSection({ licence, datasets }: CardSubject): string {
  const without = unlicensedSentence(datasets, licence);
  const common = isStated(licence) ? "as said above" : "none stated";
  return [
    `## Sources\n\n${licence}`,
    table(
      ["dataset", "licence", "from", "files", "id"],
      datasets.map(({ name, licence: own, url, files, id }) => [
        name,
        own ?? common,
        url ?? "",
        files.map((file) => file.name).join(", "),
        id,
      ]),
    ),
    ...(without === null ? [] : [without]),
    "The terms of each source apply to what was derived from it. Whether a model's terms allow training on its output is for you to check.",
  ].join("\n\n");
}

const unfinished =
  "> **Provisional.** The run was stopped before its end: these files hold only what had come out by then. Run the same command again to finish, then use the new export.";

function provisional(owed: number): string {
  return `> **Provisional.** ${owed} ${owed === 1 ? "item is" : "items are"} still owed: infrastructure failed before they could be decided. Run the same command again to finish, then use the new export.`;
}

function limited(limit: number, preview: boolean): string {
  return `> **${preview ? "Preview" : "Limited"}.** Only the first ${limit} seeds or questions were started: a part of what the config asks for.`;
}

function unchecked({ unreferenced, examples }: ExampleStatistics): string[] {
  if (unreferenced === 0) return [];
  return [
    `> **Unchecked answers.** ${unreferenced} of ${examples} examples answer questions that had no reference answer. Their answers were not compared with anything; only the other gates in the funnel below were.`,
  ];
}

/** Items that somebody decided to do without: part of what the data is, so the card counts them. */
function waived(funnel: readonly FunnelRow[]): string[] {
  const items = funnel.reduce((sum, row) => sum + (row.reasons.waived ?? 0), 0);
  if (items === 0) return [];
  return [
    `> **Waived.** ${items} ${items === 1 ? "item" : "items"} on which infrastructure failed ${items === 1 ? "was" : "were"} left out by a person's recorded decision (\`waived\` in the funnel).`,
  ];
}

function demonstration(models: readonly CardModel[]): string {
  const names = [...new Set(models.filter((model) => model.program).map((model) => `\`${model.name}\``))];
  return `> **Demonstration.** ${names.join(", ")} ${names.length === 1 ? "is" : "are"} the offline teacher: a program, not an LLM. These files are a demonstration of the line, not data to train a model on.`;
}

function statisticsRows({ tally }: CardSubject): (string | number)[][] {
  const statistics = tally.statistics();
  const { turns } = statistics;
  return [
    ["examples", statistics.examples],
    ["tasks", statistics.tasks],
    ["datasets", statistics.datasets],
    ["turns per example, mean / median / p95", `${turns.mean.toFixed(1)} / ${turns.median} / ${turns.p95}`],
    ["assistant messages trained on (weight 1)", statistics.trainedMessages],
    ["assistant messages masked (weight 0: failed cells, invalid turns)", statistics.maskedMessages],
    ["characters", statistics.characters],
    ["examples whose question had no reference answer", statistics.unreferenced],
    ["examples with a named change to recorded text", statistics.transformed],
    ...(statistics.calls === 0 ? [] : [["assistant messages that call a function", statistics.calls]]),
    ...(statistics.thinking === 0
      ? []
      : [["assistant messages with thinking apart from the text", statistics.thinking]]),
  ];
}

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
}
