import { describe, expect, test } from "vitest";
import { codeAct } from "../../src/agents/code-act.ts";
import type { FinishReason } from "../../src/domain/trajectory.ts";
import { longLines } from "../kit/long-lines.ts";

function say(text: string, finishReason: FinishReason = "stop") {
  const { action, message, transforms } = codeAct.parse({ text, finishReason });
  expect(message).toEqual({ role: "assistant", content: message.content });
  return { action, content: message.content, transforms };
}

describe("the code-act scaffold reads a message", () => {
  test("the first python fence is code, with the words before it, and the text stays as recorded", () => {
    const text = "I look first.\n```python\nprint(1)\n```";
    expect(say(text)).toEqual({
      action: { kind: "code", reasoning: "I look first.", code: "print(1)" },
      content: text,
      transforms: [],
    });
  });

  test.each<[text: string, code: string, transforms: readonly string[]]>([
    ["```py\n1\n```", "1", []],
    ["```Python\n1\n```", "1", []],
    ["~~~python\n1\n~~~", "1", []],
    ["````python\nprint('```')\n````", "print('```')", []],
    ["```\n1\n```", "1", []],
    ["Run this: ```python\n1\n```", "1", []],
    ["1. Look:\n   ```python\n   for a in b:\n       a\n   ```", "for a in b:\n    a", []],
    ["```python\n    1\n```", "    1", []],
    ["```python\r\n1\r\n2\r\n```", "1\n2", []],
    ["```python\nprint(1)```", "print(1)", []],
    ["```python\nprint(1)\n", "print(1)", ["close_fence"]],
    ["```python\nprint(1)", "print(1)", ["close_fence"]],
    ["~~~~python\nprint(1)", "print(1)", ["close_fence"]],
    ["```python\n1\n```\nand then\n```python\n2\n```", "1", ["cut_after_action"]],
    ["```python\n1\n```\nOutput of the code:\n7\n<answer>7</answer>", "1", ["cut_after_action"]],
    ["```python\n1\n```\n<answer>7</answer>", "1", ["cut_after_action"]],
    ["The file:\n```csv\na,b\n```\n```python\n1\n```", "1", []],
    ["The shape is\n```\n(3, 4)\n```\nso I group:\n```python\n1\n```", "1", []],
    ["I will use <answer> in the end.\n```python\n1\n```", "1", []],
    ["<think>```python\n2\n```</think>```python\n1\n```", "1", ["drop_thinking"]],
  ])("the code of %j is %j", (text, code, transforms) => {
    const parsed = say(text);
    expect(parsed.action).toMatchObject({ kind: "code", code });
    expect(parsed.transforms).toEqual(transforms);
  });

  test("a fence that the end of the message left open is closed with its own signs", () => {
    expect(say("~~~~python\nprint(1)").content).toBe("~~~~python\nprint(1)\n~~~~");
    expect(say("a\n  ```python\n  print(1)\n").content).toBe("a\n  ```python\n  print(1)\n  ```");
  });

  test.each<[text: string, answer: string, transforms: readonly string[]]>([
    ["So it is.\n<answer>\n@a[1]\n</answer>", "@a[1]", []],
    ["<answer>42", "42", ["close_tag"]],
    ["<answer>42</answer>\n```python\n1\n```", "42", ["cut_after_action"]],
    ["<answer>\n```json\n[1]\n```\n</answer>", "[1]", []],
    ["```\n<answer>42</answer>\n```", "42", []],
    ["The table:\n```\na b\n1 2\n```\n<answer>2</answer>", "2", []],
    ["<answer>```python\nlen(df)\n```</answer>", "len(df)", []],
  ])("the answer of %j is %j", (text, answer, transforms) => {
    const parsed = say(text);
    expect(parsed.action).toMatchObject({ kind: "answer", answer });
    expect(parsed.transforms).toEqual(transforms);
  });

  test.each<[text: string, finishReason: FinishReason, why: string]>([
    ["", "stop", "empty"],
    ["Let me think.", "stop", "neither"],
    ["```python\nimport pandas as", "length", "cut off inside the code"],
    ["```python\nimport pandas as", "other", "not closed"],
    ['```python\nprint(f"<answer>{x}', "stop", "inside the code"],
    ["```python\n\n```", "stop", "no code"],
    ["```sql\nselect 1\n```", "stop", "not ```sql"],
    ["<python>1</python>", "stop", "tags"],
    ["<answer>4", "length", "cut off"],
    ["Output of the code:\n7\n<answer>7</answer>", "stop", "wrote the output yourself"],
    ["```text\n<answer>1</answer>\n```\n```sh\nls\n```", "other", "not run"],
  ])("%j (%s) is invalid, and the agent is told why", (text, finishReason, why) => {
    if (why === "not run") return expect(say(text, finishReason).action.kind).toBe("answer");
    expect(say(text, finishReason).action).toMatchObject({ kind: "invalid", why: expect.stringContaining(why) });
  });

  test("calls of functions that nobody offered are dropped by name", () => {
    const toolCalls = [{ id: "a", name: "python", arguments: '{"code":"1"}' }];
    expect(codeAct.parse({ text: "```python\n1\n```", finishReason: "tool_calls", toolCalls })).toMatchObject({
      action: { kind: "code" },
      transforms: ["drop_calls"],
    });
    const alone = codeAct.parse({ text: "", finishReason: "tool_calls", toolCalls });
    expect(alone.action).toMatchObject({ kind: "invalid", why: expect.stringContaining("no function is offered") });
    expect(alone.message).toEqual({ role: "assistant", content: "(empty message)" });
  });

  test("a megabyte of openings is read without delay", () => {
    for (const piece of ["```python\n", "```", "~~~\n", "<answer>", "`", "</think>", "```py\nx```\n", "<reasoning>"]) {
      say(piece.repeat(1_000_000 / piece.length));
    }
    for (const text of longLines) say(text);
  });
});

test("an observation begins with a heading that ends made-up output, and ends with the messages left", () => {
  const said = { role: "assistant" as const, content: "```python\n1\n```" };
  expect(codeAct.observe("42", 5, said)).toEqual({
    role: "user",
    content: "Output of the code:\n42\n\n[5 messages left]",
  });
  expect(codeAct.stop).toContain("\nOutput of the code:");
  expect(codeAct.nudge("Why.", 1, said).content).toMatch(/^Why\. Nothing was run\..*last message.*\]$/s);
});
