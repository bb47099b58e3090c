// The parts of a card that need more of a run than its files: tries, judge, prompts, and what is known to be wrong.
import { type Cell, markdownTable, percent } from "./markdown.ts";
import type { CardPrompt, CardSubject, JudgeCertificate } from "./subject.ts";

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
      ...judgedWith(subject),
      "These figures are the judge's own. It was not compared with human labels, so they say how it judged and not how often it was right.",
    ].join("\n\n"),
  ];
}

/** Model, endpoint and prompts, so that the same judge can be asked again. */
function judgedWith({ models, prompts = [] }: CardSubject): string[] {
  const model = models.find(({ name }) => name === "judge");
  const rows: Cell[][] = [
    ...Object.entries(model?.identity ?? {}).map(([name, value]) => [
      name,
      typeof value === "string" ? published(value) : JSON.stringify(value),
    ]),
    ...prompts
      .filter(({ role }) => role === "judge" || role === "record")
      .map(({ name, sha256 }) => [`prompt ${name}`, `sha256 ${sha256}`]),
  ];
  return rows.length === 0 ? [] : [markdownTable(["the judge", ""], rows)];
}

/** An address as it may be published: without user, password and query, and not at all where it is of a network of one's own. */
function published(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return value;
  const { hostname, origin, pathname } = new URL(value);
  const isOwn =
    !hostname.includes(".") ||
    hostname.startsWith("[") ||
    /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.|\.(local|internal|lan|home)$/.test(hostname);
  return isOwn ? "an endpoint in a network of one's own" : `${origin}${pathname}`;
}

function quantileRow(name: string, quantiles: JudgeCertificate["kept"]): Cell[] {
  return [name, ...(quantiles === null ? ["-", "-", "-"] : quantiles.map((value) => value.toFixed(3)))];
}

/** The prompts that the models were given, so that inference can use the same bytes. */
export function promptsSection({ prompts = [], tools = [], scaffold }: CardSubject): string[] {
  if (prompts.length === 0) return [];
  const rows = prompts.map(({ name, text, sha256, role }) => [
    text === null ? `${name} (changed since the run, not here)` : `prompts/${name}`,
    role ?? "",
    sha256,
  ]);
  const how = howToUse(prompts, { tools, scaffold: scaffold ?? null });
  return [
    ...(how.length === 0 ? [] : [`## How to use a tuned model\n\n${how.map((step) => `- ${step}`).join("\n")}`]),
    `## Prompts\n\n${markdownTable(["file", "for", "sha256"], rows)}`,
  ];
}

function howToUse(
  prompts: readonly CardPrompt[],
  { tools, scaffold }: { readonly tools: readonly string[]; readonly scaffold: string | null },
): string[] {
  const files = (role: string) =>
    prompts
      .filter((prompt) => prompt.role === role)
      .map(({ name, text }) => (text === null ? name : `prompts/${name}`));
  const [agent] = files("agent");
  const [task] = files("task");
  return [
    ...(agent === undefined
      ? []
      : [
          `The system prompt is \`${agent}\`, its places in \`{{…}}\` filled, and otherwise byte for byte as it is there.`,
        ]),
    ...(task === undefined ? [] : [`The first user message is made of \`${task}\` in the same way.`]),
    ...(tools.length === 0
      ? []
      : [
          `The functions that the models could call, ${tools.map((name) => `\`${name}\``).join(", ")}, stand in \`tools.json\` as they were offered.`,
        ]),
    ...(scaffold === null
      ? []
      : [
          `The conversations were had with Tracemill's scaffold \`${scaffold}\`: how an answer is read, how code is run and how its output is shown have to be the same.`,
        ]),
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
