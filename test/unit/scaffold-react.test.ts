import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { FinishReason } from "../../src/domain/trajectory.ts";

/** As `react.parse`, with the message's text beside it. */
function parse(text: string, finishReason: FinishReason = "stop") {
  const { action, message, transforms } = react.parse({ text, finishReason });
  expect(message).toEqual({ role: "assistant", content: message.content });
  return { action, content: message.content, transforms };
}

const said = { role: "assistant" as const, content: "said" };

describe("the react scaffold reads a message", () => {
  test("code in its tag is code, with the reasoning before it, and the text stays as recorded", () => {
    const text = "<reasoning>look first</reasoning>\n<python>\nprint(1)\n</python>";
    expect(parse(text)).toEqual({
      action: { kind: "code", reasoning: "look first", code: "print(1)" },
      content: text,
      transforms: [],
    });
  });

  test("an answer in its tag is an answer", () => {
    expect(parse("<reasoning>so</reasoning><answer>\n@a[1]\n</answer>").action).toEqual({
      kind: "answer",
      reasoning: "so",
      answer: "@a[1]",
    });
  });

  test.each(["python", "answer"])("a <%s> that the stop sequence cut is closed again, and says so", (tag) => {
    const text = `<reasoning>r</reasoning>\n<${tag}>\n42`;
    const parsed = parse(text);
    expect(parsed.content).toBe(`${text}</${tag}>`);
    expect(parsed.transforms).toEqual(["close_tag"]);
    expect(parsed.action.kind).toBe(tag === "python" ? "code" : "answer");
  });

  test("code that the token limit cut is not run, and its text stays as recorded", () => {
    const parsed = parse("<python>\nimport pandas as", "length");
    expect(parsed.action).toMatchObject({ kind: "invalid", why: expect.stringContaining("cut off") });
    expect(parsed.transforms).toEqual([]);
  });

  test("an unclosed action is not taken when nobody knows why the message ended", () => {
    expect(parse("<answer>4", "other").action).toMatchObject({
      kind: "invalid",
      why: expect.stringContaining("closed"),
    });
  });

  test("code that was finished before the token limit is run", () => {
    expect(parse("<python>\nx = 1\n</python>\nand then I", "length").action).toMatchObject({
      kind: "code",
      code: "x = 1",
    });
  });

  test.each([
    ["```python\nprint(1)\n```", "print(1)"],
    ["\n```\nprint(1)\n```\n", "print(1)"],
    ["```py\nprint(1)", "print(1)"],
    ["print('```')", "print('```')"],
    ["\n    x = 1\n    y = 2\n", "    x = 1\n    y = 2"],
  ])("the code of <python>%j</python> is %j", (body, code) => {
    expect(parse(`<python>${body}</python>`).action).toMatchObject({ kind: "code", code });
  });

  test("prose without a reasoning tag is the reasoning", () => {
    expect(parse("I look.\n<python>1</python>").action).toMatchObject({ reasoning: "I look.", code: "1" });
  });

  test("the first finished action counts, and what the model made up after it is cut off", () => {
    const first = "<reasoning>r</reasoning><python>print(1)</python>";
    const parsed = parse(`${first}\n<information>\n999\n</information>\n<answer>999</answer>`);
    expect(parsed).toMatchObject({
      action: { kind: "code", code: "print(1)" },
      content: first,
      transforms: ["cut_after_action"],
    });
  });

  test("a message with code and then an answer runs the code", () => {
    expect(parse("<python>a</python><answer>b</answer>").action.kind).toBe("code");
  });

  test("an <information> that the model wrote itself before its answer is not believed", () => {
    const parsed = parse("<reasoning>r</reasoning><information>7</information><answer>7</answer>");
    expect(parsed.action).toMatchObject({ kind: "invalid", why: expect.stringContaining("<information>") });
  });

  test("code that runs on into made-up output without a closing tag is not run", () => {
    expect(parse("<python>\nprint(1)\n<information>\n1\n</information>").action.kind).toBe("invalid");
  });

  test("an action that swallowed made-up output and a second action is not run", () => {
    const text = "<python>\nprint(1)\n<information>\n1\n</information>\n<python>\nprint(2)\n</python>";
    expect(parse(text).action).toMatchObject({ kind: "invalid", why: expect.stringContaining("before the next tag") });
  });

  test("tags that are only mentioned while reasoning are not actions", () => {
    const text = "<reasoning>I write <answer>x</answer> later, after <python>.</reasoning>\n<python>1</python>";
    expect(parse(text).action).toMatchObject({ kind: "code", code: "1" });
    expect(parse("<reasoning>maybe <answer>x</answer></reasoning>").action.kind).toBe("invalid");
  });

  test("reasoning that was never closed does not hide the action", () => {
    expect(parse("<reasoning>go\n<python>1</python>").action).toMatchObject({ kind: "code", reasoning: "go" });
  });

  test("thinking that the server left in the text is dropped by name, and no action is taken from it", () => {
    const parsed = parse("<think><answer>no</answer></think>\n<answer>yes</answer>");
    expect(parsed).toEqual({
      action: { kind: "answer", reasoning: "", answer: "yes" },
      content: "<answer>yes</answer>",
      transforms: ["drop_thinking"],
    });
  });

  test.each([
    ["", "empty"],
    ["<python>\n\n</python>", "no code"],
    ["<python>```python\n```</python>", "no code"],
    ["Let me think about it.", "neither"],
    ["```python\nprint(1)\n```", "fence"],
  ])("%j is invalid, and the agent is told why", (text, why) => {
    expect(parse(text).action).toMatchObject({ kind: "invalid", why: expect.stringContaining(why) });
  });

  test("an empty message is marked, by name, as no endpoint takes one back and no target trains on one", () => {
    expect(parse(" \n")).toMatchObject({ content: "(empty message)", transforms: ["mark_empty"] });
    const cut = parse("<think>and so on", "length");
    expect(cut).toMatchObject({ action: { kind: "invalid", why: expect.stringContaining("too long") } });
    expect(parse("<think>all thought</think>")).toMatchObject({
      content: "(empty message)",
      transforms: ["drop_thinking", "mark_empty"],
    });
  });

  test("an explicitly empty answer is an answer: what it is worth is for the metric to say", () => {
    expect(parse("<answer></answer>").action).toMatchObject({ kind: "answer", answer: "" });
  });

  test("a megabyte of unclosed tags is read without delay", () => {
    for (const piece of ["<reasoning>", "<python", "<think>", "```\n", "<information", "</think>"]) {
      expect(parse(piece.repeat(1_000_000 / piece.length)).action.kind).toBe("invalid");
    }
  });
});

describe("the react scaffold speaks", () => {
  test("it opens with the assignment and brings observations back in <information>", () => {
    expect(react.open({ system: "s", user: "u" })).toEqual([
      { role: "system", content: "s" },
      { role: "user", content: "u" },
    ]);
    expect(react.observe("42", 5, said)).toEqual({
      role: "user",
      content: "<information>\n42\n</information>\n\n[5 messages left]",
    });
  });

  test("before the last message both an observation and a nudge say so", () => {
    expect(react.observe("42", 1, said).content).toMatch(/last message/);
    expect(react.nudge("Why.", 1, said).content).toMatch(/^Why\..*last message/s);
    expect(react.nudge("Why.", 2, said).content).not.toMatch(/last message/);
    expect(react.nudge("Why.", 2, said).content).toMatch(/\[2 messages left\]$/);
  });
});
