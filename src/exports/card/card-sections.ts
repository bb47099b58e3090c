// The parts of a card that need more of a run than its files: tries, judge, prompts, and what is known to be wrong.
import { type Cell, markdownTable, percent } from "./markdown.ts";
import type { CardSubject, JudgeCertificate } from "./subject.ts";

/** Rows of the statistics that count tries, not examples. */
export function triesRows({ tries }: CardSubject): Cell[][] {
  if (tries === undefined || tries === null) return [];
  const shares = (what: string, counts: typeof tries.byDataset): Cell[][] =>
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, [accepted, tried]]) => [
        `tries kept, ${what} ${name}`,
        `${accepted} of ${tried} (${percent(accepted, tried)})`,
      ]);
  return [
    ["tries that ended", tries.tried],
    ["tries kept as examples", `${tries.accepted} (${percent(tries.accepted, tries.tried)})`],
    [
      "steps of code that failed",
      `${tries.failedSteps} of ${tries.steps} (${percent(tries.failedSteps, tries.steps)})`,
    ],
    ...shares("difficulty", tries.byDifficulty),
    ...(Object.keys(tries.byDataset).length > 20 ? [] : shares("dataset", tries.byDataset)),
  ];
}

/** How long examples are in characters, by powers of two. */
export function lengthsSection({ tally, facts }: CardSubject): string[] {
  const { lengths } = tally.statistics();
  if (lengths.length === 0) return [];
  const rows = lengths.map(({ from, examples }) => [from === 0 ? "0" : `${from} to ${2 * from - 1}`, examples]);
  const whole = facts.length === null && !facts.perStep ? "" : " Counted before rows were split or shortened.";
  return [`Length of an example in characters:${whole}\n\n${markdownTable(["characters", "examples"], rows)}`];
}

/** Who judged, by which rules, and how sure of itself the judge was. */
export function judgeSection(subject: CardSubject): string[] {
  const { judge } = subject;
  if (judge === undefined || judge === null || judge.judged === 0) return [];
  const model = subject.models.find(({ name }) => name === "judge");
  const who =
    model === undefined
      ? ""
      : ` by \`${String(model.identity.model ?? model.name)}\`${model.program ? " (a program, not an LLM)" : ""}`;
  const thresholds = Object.entries(judge.thresholds).map(([name, value]) => `\`${name}\` ${JSON.stringify(value)}`);
  return [
    [
      "## Judge",
      `${judge.judged} candidates were judged${who}, ${judge.votes} reviews in all, ${judge.repaired} of which had to be repaired or asked for again until they could be read.${thresholds.length === 0 ? "" : ` Thresholds: ${thresholds.join(", ")}.`}`,
      markdownTable(
        ["criterion", "mean", "spread between reviews"],
        judge.criteria.map(({ name, mean, spread }) => [
          name,
          mean.toFixed(3),
          spread === null ? "one review each" : spread.toFixed(3),
        ]),
      ),
      markdownTable(
        ["mean over the criteria", "10 %", "median", "90 %"],
        [
          quantileRow("kept as examples", judge.kept),
          quantileRow("dropped by a threshold of the judge", judge.dropped),
        ],
      ),
      "These figures are the judge's own. It was not compared with human labels, so they say how it judged and not how often it was right.",
    ].join("\n\n"),
  ];
}

function quantileRow(name: string, quantiles: JudgeCertificate["kept"]): Cell[] {
  return [name, ...(quantiles === null ? ["-", "-", "-"] : quantiles.map((value) => value.toFixed(3)))];
}

/** The prompts that the models were given, so that inference can use the same bytes. */
export function promptsSection({ prompts = [], scaffold, tools = [] }: CardSubject): string[] {
  if (prompts.length === 0) return [];
  const agent = prompts.find(({ name }) => name.startsWith("agent/") && !/agent\/(task|submission)/.test(name));
  const use =
    scaffold === undefined || scaffold === null
      ? ""
      : `The conversations were had with the scaffold \`${scaffold}\`. To use a tuned model, give it the system prompt of these files${agent === undefined ? "" : ` (\`prompts/${agent.name}\`, its places filled)`}, byte for byte, and the same scaffold.`;
  return [
    [
      "## Prompts",
      ...(use === "" ? [] : [use]),
      markdownTable(
        ["file", "sha256"],
        prompts.map(({ name, text, sha256 }) => [
          text === null ? `${name} (changed since the run, not here)` : `prompts/${name}`,
          sha256,
        ]),
      ),
      ...(tools.length === 0
        ? []
        : [
            `The functions that the models could call, ${tools.map((name) => `\`${name}\``).join(", ")}, stand in \`tools.json\` as they were offered.`,
          ]),
    ].join("\n\n"),
  ];
}

/** What is known to limit the data, from what is known of the run. */
export function limitsSection(subject: CardSubject): string {
  const { tally, owed, stopped, models, datasets, facts } = subject;
  const { unreferenced, maskedMessages } = tally.statistics();
  const limits = [
    "Questions, code and answers are synthetic: models wrote them, and programs and models checked them. Nobody read them all.",
    ...(models.some(({ program }) => program)
      ? ["A program took the place of a language model: these files show the line and teach nothing."]
      : []),
    ...(owed > 0 || stopped ? ["The run is not at its end: these files hold a part of what it will give."] : []),
    ...(subject.preview === true || typeof subject.limit === "number"
      ? ["The run was limited to its first seeds or questions."]
      : []),
    ...(unreferenced > 0
      ? [`Examples whose question has no reference answer: ${unreferenced}. Nothing told right from wrong there.`]
      : []),
    ...(maskedMessages > 0
      ? [
          `Assistant messages that are context only: ${maskedMessages}. A trainer that ignores loss flags would train them.`,
        ]
      : []),
    ...(datasets.length === 1 ? ["All examples come from one source dataset."] : []),
    ...(facts.splits === null
      ? ["There is no validation split; drawing one by example would leak source datasets into it."]
      : []),
    "Nothing was compared with benchmark questions in making this card; `tracemill check --against` does that for a file of questions.",
    "Language: English, as the prompts are.",
  ];
  return `## Known limits\n\n${limits.map((limit) => `- ${limit}`).join("\n")}`;
}
