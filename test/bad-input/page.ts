// docs/errors.md, written from what the cases gave.

export interface Row {
  readonly did: string;
  readonly said: string;
  readonly code: string;
  readonly known: string;
}

export interface Section {
  readonly title: string;
  readonly words: string;
  /** What a row needs besides; sections of config mistakes and accepted input have fewer columns. */
  readonly columns: readonly (keyof Row)[];
  readonly dids: readonly string[];
}

const headings: Readonly<Record<keyof Row, string>> = {
  did: "what happened",
  said: "what Tracemill says",
  code: "exit code",
  known: "when it is known",
};

/** The page as text. A case that did not run here keeps the row that the page has; one that has none is left out. */
export function renderPage(
  intro: string,
  sections: readonly Section[],
  ran: ReadonlyMap<string, Row>,
  page: string,
): string {
  const before = new Map(page.split("\n").map((line) => [line.split(" | ")[0], line]));
  const parts = sections.map(({ title, words, columns, dids }) => {
    const rows = dids.flatMap((did) => {
      const row = ran.get(did);
      const kept = before.get(`| ${cell(did)}`);
      return row !== undefined ? [line(columns.map((column) => cell(row[column])))] : kept !== undefined ? [kept] : [];
    });
    const head = [line(columns.map((column) => headings[column])), line(columns.map(() => "---"))];
    return [`## ${title}`, "", words, "", ...head, ...rows].join("\n");
  });
  return `${[intro.trim(), ...parts].join("\n\n")}\n`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A message as a table cell: one line, nothing in it taken for Markdown but its back-ticks. */
function cell(text: string): string {
  return text
    .split(/(`[^`\n]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[*_<>[\]]/g, "\\$&")))
    .join("")
    .replaceAll("|", "\\|")
    .replaceAll("\n", "<br>");
}
