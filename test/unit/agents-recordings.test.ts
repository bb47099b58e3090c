import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { codeAct } from "../../src/agents/code-act.ts";
import { parseProposals } from "../../src/agents/proposal.ts";
import { react } from "../../src/agents/react.ts";
import { tools } from "../../src/agents/tools.ts";

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

  test("the same turns in the forms of the other scaffolds are read as the same code and answers, also with what models make of the arguments", () => {
    let codes = 0;
    for (const { content } of all.flatMap(({ messages }) => messages.filter(({ role }) => role === "assistant"))) {
      const { action } = react.parse({ text: content, finishReason: "stop" });
      if (action.kind === "answer") {
        const text = `${action.reasoning}\n<answer>\n${action.answer}\n</answer>`;
        for (const scaffold of [tools, codeAct]) {
          const again = scaffold.parse({ text, finishReason: "stop" });
          expect(again).toMatchObject({ action: { kind: "answer", reasoning: action.reasoning }, transforms: [] });
        }
      }
      if (action.kind !== "code") continue;
      const { code, reasoning } = action;
      codes += 1;
      const fenced = `${reasoning}\n\`\`\`python\n${code}\n\`\`\``;
      expect(codeAct.parse({ text: fenced, finishReason: "stop" })).toMatchObject({ action, transforms: [] });
      const json = JSON.stringify({ code });
      for (const sent of [
        json,
        code,
        JSON.stringify({ source: code }),
        JSON.stringify(json),
        `{"code": """${code}"""}`,
      ]) {
        const toolCalls = [{ id: "a", name: "python", arguments: sent }];
        expect(tools.parse({ text: reasoning, finishReason: "tool_calls", toolCalls }).action).toEqual(action);
      }
      const written = `${reasoning}\n<tool_call>\n{"name": "python", "arguments": ${json}}\n</tool_call>`;
      expect(tools.parse({ text: written, finishReason: "stop" }).action).toEqual(action);
    }
    expect(codes).toBeGreaterThan(20);
  });

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
