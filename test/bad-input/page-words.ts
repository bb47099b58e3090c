import type { Section } from "./page.ts";

export const introduction = `
# What can be wrong with what you give it

Every message says what was expected, what was found and where, and how to mend it. This page is written by the tests
(\`npm run docs:errors\`) out of what the built command says; look for a part of your message. Paths begin with
\`/home/you/work\` here, and ports are 8000.

Unless a row says otherwise, the mistake is found before anything is spent: no completion has been asked for, no run folder has
been made, and the same command, once mended, starts from the beginning. Exit codes: 2 is yours to mend, 3 is to be run again
once there is room. What else can end a run: [files.md](files.md).
`;

type Named = readonly { readonly did: string }[];

/** The sections of docs/errors.md, in order. */
export function sectionsOf(
  all: Readonly<
    Record<
      "configMistakes" | "configCases" | "commandCases" | "dataCases" | "endpointCases" | "machineCases" | "accepted",
      Named
    >
  >,
): Section[] {
  const names = (list: Named) => list.map(({ did }) => did);
  const full = ["did", "said", "code"] as const;
  return [
    {
      title: "Options of the config",
      words:
        "All mistakes of a config are told at once, below `Expected my.yaml to be a valid config, got 3 problems:`, one line each. Exit code 2, before anything is spent.",
      columns: ["did", "said"],
      dids: names(all.configMistakes),
    },
    { title: "The config file", words: "Before anything is spent.", columns: full, dids: names(all.configCases) },
    { title: "The command line", words: "Before anything is spent.", columns: full, dids: names(all.commandCases) },
    { title: "Data", words: "Before anything is spent.", columns: full, dids: names(all.dataCases) },
    {
      title: "What is taken as it is",
      words: "These look bad and are not: a run takes them, and pandas in the sandbox opens the files below `/data/`.",
      columns: ["did", "said"],
      dids: names(all.accepted),
    },
    {
      title: "Endpoints and keys",
      words: "Before a run asks for anything, it asks each endpoint for its list of models, which costs nothing.",
      columns: ["did", "said", "code", "known"],
      dids: names(all.endpointCases),
    },
    {
      title: "The machine",
      words: "Known before anything is spent.",
      columns: ["did", "said", "code", "known"],
      dids: names(all.machineCases),
    },
  ];
}
