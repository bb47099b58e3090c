import { basename, extname, join } from "node:path";
import { stringify } from "yaml";
import type { ExportedFile } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";
import type { FunnelRow } from "../domain/run.ts";
import { writeTextFile } from "./atomic-file.ts";
import type { ExampleStatistics, ExampleTally } from "./tally.ts";

/** A model under its alias in the config. `program`: the offline teacher, in this process or served; every card says so. */
export interface CardModel {
  readonly name: string;
  readonly identity: Readonly<Record<string, unknown>>;
  readonly program: boolean;
}

export interface CardSubject {
  readonly title: string;
  /** Where the data comes from and under which terms, in the words of the config. */
  readonly licence: string;
  readonly run: string;
  readonly files: readonly ExportedFile[];
  readonly tally: ExampleTally;
  readonly funnel: readonly FunnelRow[];
  readonly datasets: readonly Dataset[];
  readonly models: readonly CardModel[];
  /** Items that infrastructure trouble left undone; above 0 the card says that the export is provisional. */
  readonly owed: number;
  /** The run was stopped before its end, so the files hold only part of it. */
  readonly stopped: boolean;
  /** How many seeds or questions were started, where the run was limited; `preview` where it was only a look. */
  readonly limit?: number | null;
  readonly preview?: boolean;
}

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
    `Made by Tracemill, run \`${subject.run}\`. Every example passed the gates in the funnel below.`,
    filesSection(subject.files),
    `## Statistics\n\n${table(["", "count"], statisticsRows(subject.tally.statistics()))}`,
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
  ];
  return `---\n${stringify(frontMatter(subject), { lineWidth: 0 })}---\n\n${sections.join("\n\n")}\n`;
}

/** Writes the card as `README.md` into `folder`, the run's exports. @throws {StoreError} when the disk refuses. */
export async function writeCard({ folder, ...subject }: CardSubject & { readonly folder: string }): Promise<void> {
  await writeTextFile(join(folder, "README.md"), datasetCard(subject));
}

function frontMatter(subject: CardSubject): Record<string, unknown> {
  const { title, files, tally, owed, stopped } = subject;
  return {
    license: "other",
    license_name: "mixed-see-sources",
    license_link: "README.md#sources",
    language: ["en"],
    pretty_name: title,
    size_categories: [sizeCategory(tally.examples())],
    task_categories: ["text-generation"],
    tags: [
      "agent",
      "data-science",
      "synthetic",
      ...(owed > 0 || stopped ? ["provisional"] : []),
      ...(subject.preview === true ? ["preview"] : []),
    ],
    // One config a format: files of one config share a schema, and each names a file that is there.
    configs: files.map((file, index) => ({
      config_name: extname(file.path).slice(1),
      ...(index === 0 ? { default: true } : {}),
      data_files: [{ split: "train", path: basename(file.path) }],
    })),
  };
}

function filesSection(files: readonly ExportedFile[]): string {
  return `## Files

${table(
  ["file", "examples", "bytes", "sha256"],
  files.map((file) => [basename(file.path), file.rows, file.bytes, file.sha256]),
)}

Every \`.jsonl\` file in this folder is training data, and nothing else is. All files hold the same examples in the same order. \`weight\` is 1 on assistant messages to train on and 0 on those kept only as context.`;
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
  return `## Sources

${licence}

${table(
  ["dataset", "files", "id"],
  datasets.map(({ name, files, id }) => [name, files.map((file) => file.name).join(", "), id]),
)}

The terms of each source apply to what was derived from it. Whether a model's terms allow training on its output is for you to check.`;
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

function statisticsRows(statistics: ExampleStatistics): (string | number)[][] {
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
      : [["assistant messages whose thinking was kept apart and is not in these files", statistics.thinking]]),
  ];
}

const units = ["", "K", "M", "B", "T"];

/** The Hub's size bucket: `n<1K`, `1K<n<10K`, `10K<n<100K`, `100K<n<1M` … */
export function sizeCategory(examples: number): string {
  if (examples < 1_000) return "n<1K";
  let low = 1_000;
  while (examples >= low * 10) low *= 10;
  if (low >= 1e12) return "n>1T";
  return `${short(low)}<n<${short(low * 10)}`;
}

function short(power: number): string {
  const unit = Math.floor(Math.log10(power) / 3 + 1e-9);
  return `${Math.round(power / 1000 ** unit)}${units[unit]}`;
}

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
}

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cellText).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

function cellText(value: string | number): string {
  return String(value)
    .replaceAll("\\", "\\\\")
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\r?\n\s*/g, " ");
}
