// A report as Markdown (docs/hostile.md) and as last words on a terminal.
import { type Kind, kinds } from "./case.ts";
import { type CaseReport, failures, type Outcome, type RunReport, type TargetReport } from "./report.ts";
import { kindTitles, rows } from "./rows.ts";

const outcomes: readonly Outcome[] = ["held", "not promised", "known gap", "failed"];

/** The page, whole. */
export function hostilePage(report: RunReport): string {
  const present = kinds.filter((kind) =>
    report.targets.some(({ cases }) => cases.some((entry) => entry.kind === kind)),
  );
  return `${[
    intro(report),
    `## Counts\n\n${counts(report)}`,
    ...present.map((kind) => section(report, kind)),
    `## Around the cases\n\n${around(report)}`,
    elsewhere,
  ].join("\n\n")}\n`;
}

function intro(report: RunReport): string {
  const { machine } = report;
  const rowCount = new Set(report.targets.flatMap(({ cases }) => cases.map(({ row }) => row))).size;
  const missing = report.missing.map(({ target, reason }) => `${target} was not tried: ${cell(reason)}.`).join(" ");
  return `# Hostile code

<!-- Written by \`node dist/hostile/main.js --write-docs\` from a real run; do not edit. -->

What a sandbox must outlive, tried for real: ${rowCount} rows of the catalogue, each by code that does the nasty thing. A row is **held** where the safe outcome
was seen, and where meanwhile the sessions beside it gave right answers, the host process stayed as it was, nothing was left behind, and the
next session found a clean world. **Not promised** says what was seen instead, and why.

Written on ${report.at.slice(0, 10)} by a run of ${duration(report.wallMs)} on ${machine.cores} cores, ${machine.memoryMb} MB, kernel ${machine.kernel}, Node ${machine.node}. ${missing}
Again: \`npm run test:hostile\` (as root for both bubblewraps, with \`DOCKER_HOST\` for Docker); \`--rows 1,3-5\`, \`--target docker\`, \`--case fork\` for a part.

${report.targets
  .map(
    ({ target, about }) =>
      `- **${target}**: ${Object.entries(about)
        .map(([name, value]) => `${name} ${cell(value)}`)
        .join(", ")}`,
  )
  .join("\n")}`;
}

/** The table of counts for each target. */
export function counts(report: RunReport): string {
  const lines = report.targets.map(({ target, cases, groups, left, wallMs }) => {
    const of = outcomes.map((outcome) => cases.filter((entry) => entry.outcome === outcome).length);
    const broken = groups.flatMap((group) => group.broken).length + left.length;
    return `| ${target} | ${new Set(cases.map(({ row }) => row)).size} | ${cases.length} | ${of.join(" | ")} | ${broken} | ${duration(wallMs)} |`;
  });
  return [
    `| target | rows | cases | ${outcomes.join(" | ")} | conditions broken | took |`,
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

function section(report: RunReport, kind: Kind): string {
  const names = report.targets.map(({ target }) => target);
  const known = new Map<string, CaseReport>();
  for (const { cases } of report.targets)
    for (const entry of cases) if (entry.kind === kind && !known.has(entry.name)) known.set(entry.name, entry);
  const lines = [...known.values()]
    .sort((a, b) => a.row - b.row)
    .map(({ row, name }) => {
      const results = report.targets.map((target) => target.cases.find((entry) => entry.name === name));
      const shown = results.find((entry) => entry?.outcome === "held") ?? results.find((entry) => entry !== undefined);
      const each = results.map((entry) => (entry === undefined ? "not run" : result(entry)));
      return `| ${row} | ${cell(name)} | ${cell(shown?.agentSees ?? "")} | ${cell(shown?.record ?? "")} | ${each.join(" | ")} |`;
    });
  const titles = [...new Set([...known.values()].map(({ row }) => row))]
    .sort((a, b) => a - b)
    .map((row) => `${row} ${rows[row] ?? ""}`);
  return [
    `## ${kindTitles[kind]}\n`,
    `Rows: ${titles.join("; ")}.\n`,
    `| row | case | what the agent sees | what the record says | ${names.join(" | ")} |`,
    `| --- | --- | --- | --- |${" --- |".repeat(names.length)}`,
    ...lines,
  ].join("\n");
}

function result({ outcome, why }: CaseReport): string {
  return why === null ? outcome : `**${outcome}**: ${cell(why)}`;
}

function around(report: RunReport): string {
  const lines = report.targets.map((target) => {
    const { groups } = target;
    const most = (of: (group: TargetReport["groups"][number]) => number | null) =>
      Math.round(Math.max(0, ...groups.map((group) => of(group) ?? 0)));
    const steps = groups.reduce((sum, { honestSteps }) => sum + honestSteps, 0);
    return `| ${target.target} | ${steps} | ${Math.round(groups[0]?.aloneP95Ms ?? 0)} ms | ${most((group) => group.besideP95Ms)} ms | ${most(({ hostRssMb }) => hostRssMb)} MB | ${most(({ cleanAfterMs }) => cleanAfterMs)} ms |`;
  });
  return [
    "Eight honest sessions work beside every case, each at a small cell with a known answer every 0.3 s. Their p95 is of one step, in the worst group.",
    "",
    "| target | honest steps | p95 beside nothing | p95 beside hostile code | most memory of the host process | longest until nothing was left |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

const elsewhere = `## Against another sandbox

The cases know nothing of ours but the contract \`Sandbox\`: write one entry of \`ways\` in \`hostile/target.ts\`. How: \`hostile/README.md\`.`;

/** The last words of a run. */
export function summary(report: RunReport): string {
  const lines = report.targets.map(({ target, cases, wallMs }) => {
    const of = outcomes.map((outcome) => `${cases.filter((entry) => entry.outcome === outcome).length} ${outcome}`);
    return `${target}: ${of.join(", ")} (${duration(wallMs)})`;
  });
  const missing = report.missing.map(({ target, reason }) => `${target}: not here (${reason})`);
  const failed = failures(report);
  const verdict = failed.length === 0 ? "all held" : `${failed.length} did not hold:`;
  return [
    ...lines,
    ...missing,
    `${verdict} (${duration(report.wallMs)} in all)`,
    ...failed.map((line) => `  - ${line}`),
  ].join("\n");
}

function cell(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[<>]/g, (sign) => (sign === "<" ? "&lt;" : "&gt;"))
    .replaceAll("|", "\\|")
    .trim();
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
