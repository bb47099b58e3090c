import type { SubmissionFile } from "../domain/submission.ts";
import type { Picture, ServedBy, StepRan, StepResult, Trajectory, Verdict } from "../domain/trajectory.ts";
import { becameOf, kindOf } from "./funnel.ts";
import type { Descendant, ItemEvent, Lineage } from "./lineage.ts";
import { type Portrait, referenceOf } from "./portrait.ts";
import { bounded, bytesText, count, dollars, harmless, indent, modelAt, oneLine, plural, table } from "./text.ts";

/** Where an example was written: one line of one file under the run's folder. `text` is that line, null where it could not be read. */
export interface ExportedLine {
  id: string;
  file: string;
  line: number;
  text: string | null;
}

/** A picture that a step showed: where its bytes lie, and whether they still do. */
export interface StoredPicture {
  path: string;
  state: "kept" | "missing" | "damaged";
}

/** Everything `tracemill why` tells of one item. */
export interface Story {
  run: string;
  lineage: Lineage;
  portrait: Portrait;
  /** Names of the line's stages, in order. */
  stages: string[];
  /** Ids whose stored body could not be read. */
  missing: string[];
  /** Pictures of the trajectory's steps, by SHA-256. */
  pictures: Record<string, StoredPicture>;
  exported: ExportedLine[];
}

/** The story as text for a terminal; passages of text are cut unless `full`. */
export function storyPage(story: Story, options: { full: boolean }): string {
  const limit = (characters: number) => (options.full ? Number.POSITIVE_INFINITY : characters);
  const { portrait, lineage } = story;
  const parts = [
    `${lineage.id} in run ${story.run}\n${ending(story)}`,
    questionPart(portrait, limit),
    `Decisions\n${decisions(lineage, limit)}`,
    becamePart(story, limit),
  ];
  if (portrait.candidate) {
    const { scores, verdict, trajectory } = portrait.candidate;
    if (scores.length > 0) {
      const rows = scores.map((score) => [
        score.metric,
        score.value === null ? "unscored" : String(score.value),
        oneLine(score.reason, limit(200)),
      ]);
      parts.push(`Scores\n${indent(table(rows), "  ")}`);
    }
    if (verdict) parts.push(verdictPart(verdict, limit));
    parts.push(transcriptPart(trajectory, story.pictures, limit));
  }
  if (story.exported.length > 0) {
    parts.push(`Written to\n${story.exported.map((line) => exportedPart(line, limit)).join("\n")}`);
  }
  if (story.missing.length > 0) {
    parts.push(`Not in the store any more: ${story.missing.join(", ")}`);
  }
  if (portrait.unread.length > 0) {
    parts.push(`Stored in a form this version does not know: ${portrait.unread.join(", ")} (--json shows the rest)`);
  }
  if (!options.full)
    parts.push("Long passages are cut: `npx tracemill why` shows them whole with --full, and everything with --json.");
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

type Limit = (characters: number) => number;

function ending({ lineage, stages }: Story): string {
  const own = lineage.passages.findLast((event) => event.id === lineage.id) ?? null;
  const maker = lineage.passages.findLast((event) => becameOf(event).includes(lineage.id));
  return `End: ${endOf({ id: lineage.id, madeBy: maker?.stage ?? "", last: own }, stages)}`;
}

function endOf({ id, madeBy, last }: Descendant, stages: readonly string[]): string {
  if (last !== null && last.outcome !== "passed")
    return `${last.outcome} at ${last.stage}: ${last.code ?? "no reason code"}`;
  const others = last === null ? [] : becameOf(last).filter((other) => other !== id);
  if (last !== null && others.length > 0) return `passed ${last.stage}, became ${named(others)}`;
  const stage = last?.stage ?? madeBy;
  const next = stages[stages.indexOf(stage) + 1];
  const so = last === null ? `made by ${stage}` : `passed ${stage}`;
  return next === undefined ? `${so}, the end of the line` : `${so}, not ended at ${next} yet`;
}

/** Up to three ids, or how many of which kind. */
function named(ids: readonly string[]): string {
  return ids.length <= 3 ? ids.join(", ") : plural(ids.length, kindOf(ids[0] ?? "item"));
}

function questionPart(portrait: Portrait, limit: Limit): string {
  const asked = portrait.task ?? portrait.own ?? portrait.query;
  if (!asked) return proposalPart(portrait, limit);
  const own = "own" in asked ? asked.own : undefined;
  const rows: [string, string][] = [
    ["from", own === undefined ? "" : `${harmless(own.file)} line ${own.line}${ownId(own.id)}`],
    ["dataset", `${asked.dataset.name} (${asked.dataset.id})`],
    ["difficulty", asked.difficulty ?? ""],
    ["question", bounded(asked.question, limit(1000))],
    ["constraints", bounded(asked.constraints, limit(500))],
    ["answer as", bounded(asked.answerFormat, limit(300))],
    ["read after", repairWords((portrait.query ?? portrait.proposal)?.repairs, limit)],
  ];
  const checked = portrait.task ?? portrait.own;
  if (checked?.reference === null) rows.push(["reference", "(none was given: nothing tells right from wrong)"]);
  else if (checked) {
    const { metric, params } = checked.reference;
    rows.push([
      "reference",
      `${bounded(referenceOf(portrait) ?? "", limit(500))}  (checked by ${metric} ${JSON.stringify(params)})`,
    ]);
  } else if (portrait.query) rows.push(["reference", bounded(portrait.query.referenceAnswer, limit(500))]);
  if (portrait.candidate) {
    const { submission, exit } = portrait.candidate.trajectory;
    rows.push(["answer", submission === null ? `(none: ${exit})` : bounded(submission, limit(500))]);
    rows.push(["file", fileWords(portrait.candidate.trajectory.submissionFile ?? null)]);
  }
  let text = `Question\n${rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => labelled(name, value))
    .join("\n")}`;
  const code = portrait.query?.referenceCode ?? portrait.own?.referenceCode ?? null;
  if (code !== null) text += `\n\nReference code\n${indent(bounded(code, limit(1500)), "  ")}`;
  return text;
}

/** What became of the file that the task asked for; nothing where it asked for none. */
function fileWords(file: SubmissionFile | null): string {
  if (file === null) return "";
  const what =
    "refused" in file ? `not taken, ${file.refused}: ${file.detail}` : `${count(file.bytes)} bytes, ${file.sha256}`;
  return `${file.path} (${harmless(what)})${file.diverged ? ", made by running earlier steps again, which gave another output" : ""}`;
}

function ownId(id: string | null): string {
  return id === null ? "" : `, there called ${oneLine(id, 100)}`;
}

/** What was proposed, where it never became a query. */
function proposalPart({ proposal }: Portrait, limit: Limit): string {
  if (!proposal) return "";
  const problem = proposal.problem === null ? "" : `\n${labelled("problem", harmless(proposal.problem))}`;
  const repairs = repairWords(proposal.repairs, limit);
  const read = repairs === "" ? "" : `\n${labelled("read after", repairs)}`;
  const name = labelled("dataset", `${proposal.dataset.name} (${proposal.dataset.id})`);
  return `Proposed\n${name}${problem}${read}\n${indent(bounded(proposal.raw, limit(2000)), "  ")}`;
}

/** What was done until something could be read; nothing where it was read as it stood. */
function repairWords(repairs: readonly string[] | undefined, limit: Limit): string {
  return (repairs ?? []).map((repair) => oneLine(repair, limit(200))).join(", ");
}

function labelled(name: string, value: string): string {
  return `  ${name.padEnd(11)} ${indent(value, " ".repeat(14)).trimStart()}`;
}

function decisions(lineage: Lineage, limit: Limit): string {
  if (lineage.passages.length === 0) return "  none yet";
  const family = new Set([...lineage.ancestors, lineage.id]);
  const stageWidth = Math.max(...lineage.passages.map((event) => event.stage.length));
  let shown = "";
  const lines: string[] = [];
  for (const event of lineage.passages) {
    if (event.id !== shown) lines.push(`  ${event.id}`);
    shown = event.id;
    lines.push(`    ${event.stage.padEnd(stageWidth)}  ${decision(event, family)}`);
    if (event.message !== undefined) lines.push(indent(bounded(event.message, limit(500)), "      "));
    if (event.evidence !== undefined) {
      lines.push(indent(`evidence: ${bounded(JSON.stringify(event.evidence, null, 1), limit(1200))}`, "      "));
    }
  }
  return lines.join("\n");
}

function decision(event: ItemEvent, family: ReadonlySet<string>): string {
  if (event.outcome !== "passed") return `${event.outcome}: ${event.code ?? "no reason code"}`;
  const others = becameOf(event).filter((id) => id !== event.id);
  if (others.length === 0) return "passed";
  const own = others.find((id) => family.has(id));
  if (own === undefined || others.length === 1) return `passed, became ${named(others)}`;
  return `passed, became ${plural(others.length, kindOf(own))}, one of them ${own}`;
}

function becamePart({ lineage, stages }: Story, limit: Limit): string {
  if (lineage.descendants.length === 0) return "";
  const rows = lineage.descendants.map((descendant) => [descendant.id, endOf(descendant, stages)]);
  const shown = rows.slice(0, limit(20));
  const more = rows.length - shown.length;
  return `Became\n${indent(table(shown), "  ")}${more > 0 ? `\n  … and ${count(more)} more` : ""}`;
}

function verdictPart(verdict: Verdict, limit: Limit): string {
  const lines = [`Judge ${verdict.judge}, ${plural(verdict.votes.length, "vote")}`];
  for (const [name, mean] of Object.entries(verdict.criteria)) {
    const votes = verdict.votes.flatMap((vote) => vote.criteria.filter((criterion) => criterion.name === name));
    lines.push(`  ${name}: ${round(mean)} (votes ${votes.map((vote) => round(vote.score)).join(", ")})`);
    const lowest = votes.reduce(
      (low, vote) => (vote.score < low.score ? vote : low),
      votes[0] as (typeof votes)[number],
    );
    if (lowest) {
      lines.push(indent(`lowest vote: ${oneLine(lowest.justification, limit(300))}`, "    "));
      if (lowest.evidence !== "") lines.push(indent(`quoting: ${oneLine(lowest.evidence, limit(300))}`, "    "));
    }
  }
  const repairs = verdict.votes.flatMap((vote) => vote.repairs);
  if (repairs.length > 0) lines.push(`  repaired before reading: ${repairWords(repairs, limit)}`);
  for (const [index, { servedBy }] of verdict.votes.entries())
    if (servedBy !== undefined) lines.push(`  vote ${index + 1}${servedWords(servedBy)}`);
  return lines.join("\n");
}

/** Which fallback answered; nothing where the model's own endpoint did. */
function servedWords(servedBy: ServedBy | undefined): string {
  return servedBy === undefined
    ? ""
    : ` (answered by the fallback ${harmless(modelAt(servedBy.model, servedBy.endpoint))})`;
}

function round(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function transcriptPart(trajectory: Trajectory, pictures: Story["pictures"], limit: Limit): string {
  const { turns, usage } = trajectory;
  const lines = [
    `Transcript: ${plural(turns.length, "turn")}, exit ${trajectory.exit}; model ${trajectory.model}, scaffold ${trajectory.scaffold}, sandbox ${trajectory.backend}` +
      `; ${count(usage.inputTokens)} tokens in (${count(usage.cachedInputTokens)} cached), ${count(usage.outputTokens)} out (${count(usage.reasoningTokens)} reasoning)` +
      `${usage.estimated ? ", partly estimated" : ""}; ${usage.costUsd === null ? "no price known" : dollars(usage.costUsd)}`,
    ...machineLines(trajectory),
  ];
  for (const [index, turn] of turns.entries()) {
    const { toolCalls = [] } = trajectory.messages[turn.message] ?? {};
    const marks = [
      ...toolCalls.map(({ name }) => `call of ${harmless(name)}`),
      ...(turn.diverged ? ["output differed when it was run again"] : []),
      ...(turn.shortened === undefined
        ? []
        : [`${plural(turn.shortened.length, "earlier output")} shortened before it`]),
      ...(turn.transforms.length === 0 ? [] : [`read with ${turn.transforms.join(", ")}`]),
    ];
    lines.push(
      `  turn ${index + 1}: ${turn.action.kind}${servedWords(turn.servedBy)}${marks.length === 0 ? "" : ` (${marks.join("; ")})`}`,
    );
    if (turn.action.reasoning !== "") lines.push(indent(bounded(turn.action.reasoning, limit(300)), "    "));
    if (turn.action.kind === "code") lines.push(indent(bounded(turn.action.code, limit(600)), "    > "));
    if (turn.action.kind === "answer") lines.push(indent(bounded(turn.action.answer, limit(500)), "    = "));
    if (turn.action.kind === "invalid") {
      for (const call of toolCalls) lines.push(indent(bounded(call.arguments, limit(600)), "    > "));
      lines.push(indent(bounded(turn.action.why, limit(300)), "    ! "));
    }
    if (turn.step) lines.push(`    ${stepLine(turn.step)}`, ...costLines(turn.step, turn.ran));
    if (turn.observation !== null) lines.push(indent(bounded(turn.observation.trimEnd(), limit(600)), "    < "));
    for (const picture of turn.step?.pictures ?? [])
      lines.push(`    ${pictureLine(picture, pictures[picture.sha256])}`);
  }
  return lines.join("\n");
}

function stepLine(step: StepResult): string {
  const lost = step.stateLost ? ", variables lost" : "";
  const exception = step.exception === null ? "" : ` ${harmless(step.exception.name)}`;
  return `[${step.end}${exception}, ${Math.round(step.wallMs)} ms${lost}]`;
}

/** What the steps really ran on, and what they found there. */
function machineLines({ ranOn, versions }: Trajectory): string[] {
  const machines = ranOn.map(
    ({ backend, image, kernel, runtime }) =>
      `  ran on ${harmless(backend)} (${harmless(runtime)}), kernel ${harmless(kernel)}${image === null ? "" : `, image ${harmless(image)}`}`,
  );
  const packages = Object.entries(versions).map(([name, version]) => `${harmless(name)} ${harmless(version)}`);
  return packages.length === 0 ? machines : [...machines, `  with ${packages.join(", ")}`];
}

/** Where a step's time went beside its own, and what memory it took; nothing where nothing is known of either. */
function costLines({ cpuMs, peakMemoryBytes }: StepResult, ran: StepRan | null): string[] {
  if (ran === null) return [];
  const waits: [string, number][] = [
    ["for a place", ran.queueMs],
    ["opening", ran.openMs],
    ["imports", ran.readyMs],
    ["earlier code", ran.rebuildMs],
  ];
  const waited = waits.filter(([, ms]) => ms >= 1).map(([what, ms]) => `${what} ${Math.round(ms)} ms`);
  const peak = peakMemoryBytes === null ? [] : [`peak ${count(Math.round(peakMemoryBytes / 2 ** 20))} MB`];
  const parts = [
    `cpu ${Math.round(cpuMs)} ms`,
    ...peak,
    ...(waited.length > 0 ? [`before it: ${waited.join(", ")}`] : []),
  ];
  return [`    (${parts.join("; ")})`];
}

function pictureLine({ sha256, bytes, width, height }: Picture, stored: StoredPicture | undefined): string {
  const what = `picture of ${width} x ${height} pixels, ${bytesText(bytes)}`;
  if (stored?.state === "kept") return `[${what}: ${stored.path}]`;
  const why = stored?.state === "damaged" ? "its bytes are damaged" : "its bytes are not in the store any more";
  return `[${what}: ${why} (${sha256})]`;
}

function exportedPart(line: ExportedLine, limit: Limit): string {
  const text = line.text === null ? "" : `\n${indent(bounded(line.text, limit(600)), "    ")}`;
  return `  ${line.file} line ${line.line} (${line.id})${text}`;
}
