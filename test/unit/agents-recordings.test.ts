import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseProposals } from "../../src/agents/proposal.ts";
import { react } from "../../src/agents/react.ts";

const folder = new URL("../../../shared/recordings/", import.meta.url);
const absent = !existsSync(folder);
const why = absent ? " (skipped: ../shared/recordings is not here)" : "";

interface Recording {
  readonly messages: readonly { role: string; content: string }[];
  readonly answer?: string;
  readonly final?: string;
  readonly stop?: readonly string[];
  readonly task_index_or_id?: number;
  readonly dataset?: string;
}

function recordings(name: string): Recording[] {
  if (absent) return [];
  return readFileSync(new URL(name, folder), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recording);
}

describe.skipIf(absent)(`recorded conversations${why}`, () => {
  const all = [...recordings("react.jsonl"), ...recordings("proposals.jsonl")];

  test.each(all.map((recording) => [recording.task_index_or_id ?? recording.dataset, recording] as const))(
    "%s: every turn is read as what it was",
    (_, { messages, answer, final, stop }) => {
      const turns = messages.flatMap(({ role, content }, index) => (role === "assistant" ? [{ content, index }] : []));
      expect(turns.length).toBeGreaterThan(1);
      for (const { content, index } of turns) {
        const parsed = react.parse({ text: content, finishReason: "stop" });
        const isLast = index === messages.length - 1;
        expect(parsed.action.kind).toBe(isLast ? "answer" : "code");
        expect(parsed.transforms).toEqual(stop === undefined ? [] : ["close_tag"]);
        expect(parsed.message.content.startsWith(content)).toBe(true);
        if (parsed.action.kind === "code") expect(parsed.action.code).not.toMatch(/```|<\/?python>/);
        if (parsed.action.kind === "answer") expect(parsed.action.answer).toBe((answer ?? final ?? "").trim());
      }
    },
  );

  test("every recorded proposal is read whole: three questions each, no problem", () => {
    const read = recordings("proposals.jsonl").map(({ final }) => parseProposals(final ?? ""));
    expect(read.map(({ proposals }) => proposals.length)).toEqual([3, 3, 3]);
    expect(read.flatMap(({ problems }) => problems)).toEqual([]);
    expect(read.flatMap(({ proposals }) => proposals.map(({ fields }) => fields.referenceAnswer))).toEqual([
      "@ring_gap[2.0]",
      "@count[155], @percentage[3.71]",
      "@difference[0.320]",
      "4",
      "@leader[Gibraltar], @lead[0.76]",
      "@t[1.459], @p[0.1481], @significant[no]",
      "0.032; 4.11",
      "Brad, Aisha",
      "1.552 [1.258, 1.915]",
    ]);
  });
});
