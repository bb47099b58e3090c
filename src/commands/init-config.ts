import { parse, stringify } from "yaml";
import { harmless, plural } from "../audit/text.ts";
import { families } from "../models/families.ts";
import type { FamilyName } from "../models/family.ts";
import type { Proposal } from "./init-datasets.ts";

/** Services by the variable their own documentation names for the key. */
const services: readonly { readonly variable: string; readonly family: FamilyName }[] = [
  { variable: "OPENAI_API_KEY", family: "openai" },
  { variable: "TOGETHER_API_KEY", family: "together" },
  { variable: "FIREWORKS_API_KEY", family: "fireworks" },
  { variable: "OPENROUTER_API_KEY", family: "openrouter" },
  { variable: "MISTRAL_API_KEY", family: "mistral" },
  { variable: "DEEPSEEK_API_KEY", family: "deepseek" },
  { variable: "GROQ_API_KEY", family: "groq" },
  { variable: "ANTHROPIC_API_KEY", family: "anthropic" },
  { variable: "GEMINI_API_KEY", family: "gemini" },
];

/** Questions a table of this size bears without repeating itself. */
function questionsFor({ datasets }: Proposal): number {
  const columns = datasets.map(({ profile }) => profile.reduce((sum, table) => sum + table.columns.length, 0));
  return Math.min(24, Math.max(8, 2 * Math.min(...columns)));
}

/** A commented config of the SFT recipe for these datasets, which runs as it stands. `entry` is `data` itself as a config names it. */
export function configText(options: {
  readonly proposal: Proposal;
  readonly entry: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): string {
  const { proposal, env } = options;
  const { datasets } = proposal;
  const questions = questionsFor(proposal);
  const queries = datasets.length * questions;
  const found = services.find(({ variable }) => (env[variable] ?? "") !== "");
  const { variable, family }: (typeof services)[number] = found ?? { variable: "TRACEMILL_API_KEY", family: "other" };
  const baseUrl = found === undefined ? "https://your-endpoint.example/v1" : families[family].baseUrl;
  return `# Written by \`tracemill init\`: ${plural(datasets.length, "dataset")}, about ${queries} questions. docs/config.md explains every option.
recipe: sft
seed: 1

${datasetsText(proposal, options.entry)}

models:
  proposer: &model
    # The offline teacher is a program, not an LLM: it shows the line, it makes no training data. For the real thing replace the next
    # line by these, with the model you use${found ? ` (${found.variable} is set here)` : ""}:
    #   provider: openai-compatible
    #   family: ${family} # whose endpoint it is: \`npx tracemill list endpoint-families\`
    #   baseUrl: ${baseUrl}
    #   apiKeyEnv: ${variable} # the name of the variable, never the key
    #   model: your-model-name
    #   temperature: 0.8
    #   maxTokens: 4096
    provider: offline-teacher
  teacher: *model # solves the questions
  judge: *model # scores the solutions

sandbox:
  concurrency: 4 # sandboxes open at once; at most memoryMb each
  memoryMb: 1024

propose: { explorations: 1, questions: ${questions}, maxTurns: 12 } # questions a dataset = explorations x questions
rollouts: { attempts: 2, maxTurns: 12, concurrency: 8 } # tries at each question
screen: { maxStepErrors: 2 } # wrong answers and answers never seen in an output are always dropped
judge: { votes: 1 }
accept: { mean: 0.7, each: 0.4 } # moving a threshold and running again calls nobody
select: { target: ${Math.max(1, Math.floor(queries * 0.4))} } # examples asked for

export:
  formats: [chat-jsonl, parquet, arrow]
  licence: "unknown: state the terms of your sources here; they go into the dataset card"
`;
}

function datasetsText({ datasets, leftOut, whole }: Proposal, entry: string): string {
  const heading =
    "# A file, a folder or a glob: each file is one dataset; files listed together are one. Paths start at this file.";
  if (whole) return `${heading}\n${stringify({ datasets: [entry] }).trim()}`;
  const lines = datasets.flatMap(({ name, paths, because }) => {
    const [only] = paths;
    if (paths.length === 1) return [`  - ${scalar(only ?? "")}`];
    return [
      ...because.map((reason) => `  # ${comment(reason)}`),
      `  - name: ${scalar(name)}`,
      "    files:",
      ...paths.map((path) => `      - ${scalar(path)}`),
    ];
  });
  const left = leftOut.map(({ path, why }) => `  # left out: ${comment(`${path}: ${why}`)}`);
  return [heading, "datasets:", ...lines, ...left].join("\n");
}

/** A text as a YAML scalar on one line. */
function scalar(text: string): string {
  const plain = stringify(text, { lineWidth: 0 }).trim();
  return plain.includes("\n") || parse(plain) !== text || / #|: /.test(plain) ? JSON.stringify(text) : plain;
}

// A comment ends at the line's end, whatever a name holds.
function comment(text: string): string {
  return harmless(text).replace(/\s+/g, " ");
}

/** The quickstart's config, so that running it is the quickstart. */
export function exampleText(quickstart: string): string {
  return `# Written by \`tracemill init --example\`: the quickstart.\n${quickstart}`;
}
