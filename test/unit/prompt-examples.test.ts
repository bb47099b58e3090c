import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { scaffolds } from "../../src/agents/index.ts";
import type { Action } from "../../src/domain/trajectory.ts";
import { loadPrompt } from "../../src/prompts/load.ts";

interface Shown {
  readonly text: string;
  readonly action: Action;
}

// Every example that the package's system prompts show an agent, word for word, with the action it stands for.
const answerOf = (reasoning: string, answer: string, text: string): Shown => ({
  text,
  action: { kind: "answer", reasoning, answer },
});
const codeOf = (reasoning: string, code: string, text: string): Shown => ({
  text,
  action: { kind: "code", reasoning, code },
});
const fenced = "```python\ncode to run\n```";

const shown: Readonly<Record<string, readonly Shown[]>> = {
  "agent/react": [
    codeOf(
      "what you know and what you will do next",
      "code to run",
      "<reasoning>what you know and what you will do next</reasoning>\n<python>\ncode to run\n</python>",
    ),
    answerOf(
      "why the result answers the question",
      "the final answer, in the requested format",
      "<reasoning>why the result answers the question</reasoning>\n<answer>the final answer, in the requested format</answer>",
    ),
  ],
  "agent/tools": [
    answerOf(
      "",
      "the final answer, in the requested format",
      "<answer>the final answer, in the requested format</answer>",
    ),
  ],
  "agent/code-act": [
    codeOf("", "code to run", fenced),
    answerOf(
      "",
      "the final answer, in the requested format",
      "<answer>the final answer, in the requested format</answer>",
    ),
  ],
  "propose/react": [
    codeOf("...", "...", "<reasoning>...</reasoning> followed by either <python>...</python>"),
    answerOf("", "...", "<answer>...</answer>"),
  ],
  "propose/tools": [answerOf("", "the questions, as JSON", "<answer>the questions, as JSON</answer>")],
  "propose/code-act": [
    codeOf("", "code to run", fenced),
    answerOf("", "the questions, as JSON", "<answer>the questions, as JSON</answer>"),
  ],
};

const actions = /<python>|```python\n|<answer>(?! is a JSON)/g;

test("every scaffold has a system prompt for the agent and one for the proposer", async () => {
  for (const folder of ["agent", "propose"]) {
    const files = await readdir(`prompts/${folder}`);
    for (const { name } of scaffolds) expect(files).toContain(`${name}.md`);
  }
  expect(Object.keys(shown)).toHaveLength(2 * scaffolds.length);
});

test.each(Object.entries(shown))(
  "the examples in prompts/%s.md are read by its scaffold as what they show",
  async (path, examples) => {
    const scaffold = scaffolds.find(({ name }) => path.endsWith(`/${name}`));
    const { text } = await loadPrompt(`${path}.md`);
    expect(text.match(actions)).toHaveLength(examples.length);
    for (const example of examples) {
      expect(text).toContain(example.text);
      expect(scaffold?.parse({ text: example.text, finishReason: "stop" })).toEqual({
        action: example.action,
        message: { role: "assistant", content: example.text },
        transforms: [],
      });
    }
  },
);

test("a prompt for tools shows no call as text, and names the function and what it takes as it is offered", async () => {
  const offered = scaffolds.find(({ name }) => name === "tools")?.tools ?? [];
  expect(offered).toMatchObject([{ name: "python", parameters: { required: ["code"] } }]);
  for (const path of ["agent/tools.md", "propose/tools.md"]) {
    const { text } = await loadPrompt(path);
    expect(text).toContain("call the function python with the code to run");
    expect(text).not.toMatch(/\{"code"|<tool_call>|```/);
  }
});
