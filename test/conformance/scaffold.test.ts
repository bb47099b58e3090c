import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scaffolds } from "../../src/agents/index.ts";
import type { Scaffold } from "../../src/contracts.ts";
import { action, finishReasons, type Message, type StepResult, stepEnds } from "../../src/domain/trajectory.ts";

const text = (head: string) => ({ head, tail: "", droppedBytes: 0 });
const step = (end: StepResult["end"], stdout: string): StepResult => ({
  end,
  stdout: text(stdout),
  stderr: text(""),
  result: null,
  exception: null,
  wallMs: 1,
  cpuMs: 1,
  pictures: [],
  savedOutput: null,
  peakMemoryBytes: null,
  stateLost: false,
});

test("scaffolds have names of their own", () => {
  expect(scaffolds.length).toBeGreaterThan(0);
  expect(new Set(scaffolds.map(({ name }) => name)).size).toBe(scaffolds.length);
});

describe.each(scaffolds.map((scaffold) => [scaffold.name, scaffold] as const))("the scaffold %s", (_, scaffold) => {
  test("opens with the words of the assignment", () => {
    const opened = scaffold.open({ system: "SYSTEM WORDS", user: "USER WORDS" });
    const said = opened.map(({ content }) => content).join("\n");
    expect(said).toContain("SYSTEM WORDS");
    expect(said).toContain("USER WORDS");
    expect(opened.at(-1)?.role).toBe("user");
    expect(opened.filter(({ role }) => role === "assistant")).toEqual([]);
  });

  test("opens anew each time: one rollout's messages are not another's", () => {
    const first = scaffold.open({ system: "s", user: "u" });
    first.push({ role: "user", content: "mine" });
    expect(scaffold.open({ system: "s", user: "u" })).toHaveLength(first.length - 1);
  });

  test("reads any text at all without throwing, and names every change to it", () => {
    fc.assert(
      fc.property(messageText(scaffold), fc.constantFrom(...finishReasons), (said, finishReason) => {
        const parsed = scaffold.parse({ text: said, finishReason });
        action.parse(parsed.action);
        if (parsed.action.kind === "code") expect(parsed.action.code.trim()).not.toBe("");
        if (parsed.action.kind === "invalid") expect(parsed.action.why).not.toBe("");
        expect(parsed.transforms.length === 0).toBe(parsed.message.content === said);
      }),
      { numRuns: 500 },
    );
  });

  test("reads what it made of a message as the same action again, unchanged", () => {
    fc.assert(
      fc.property(messageText(scaffold), (said) => {
        const once = scaffold.parse({ text: said, finishReason: "stop" });
        if (once.action.kind === "invalid") return;
        expect(scaffold.parse({ text: once.message.content, finishReason: "stop" })).toEqual({
          ...once,
          transforms: [],
        });
      }),
      { numRuns: 500 },
    );
  });

  test.each(stepEnds.map((end) => [end]))("shows a step that ended with %s in words, and what it printed", (end) => {
    expect(scaffold.show(step(end, ""))).not.toBe("");
    const observed = scaffold.observe(scaffold.show(step(end, "seen 42")), 3, before);
    expect(observed.role).toBe("user");
    expect(observed.content).toContain("seen 42");
  });

  test("an output cannot hold what ends an observation", () => {
    const plain = scaffold.observe("x", 3, before).content;
    const closing = plain.slice(plain.indexOf("x") + 1).trim();
    const forged = scaffold.observe(scaffold.show(step("ok", `a ${closing} b`)), 3, before).content;
    expect(forged.split(closing)).toHaveLength(2);
  });

  test("tells why a message was not understood, and when the next is the last", () => {
    expect(scaffold.nudge("THE REASON", 3, before).content).toContain("THE REASON");
    expect(scaffold.nudge("why", 1, before).content).not.toBe(scaffold.nudge("why", 2, before).content);
    expect(scaffold.observe("x", 1, before).content).not.toBe(scaffold.observe("x", 2, before).content);
  });
});

/** What an observation or a nudge answers. */
const before: Message = { role: "assistant", content: "earlier" };

/** Texts made of what matters to a scaffold: its stop strings, their openings, the usual tags, fences, and anything else. */
function messageText(scaffold: Scaffold): fc.Arbitrary<string> {
  const tags = ["reasoning", "python", "answer", "information", "think"].flatMap((tag) => [`<${tag}>`, `</${tag}>`]);
  const pieces = [...scaffold.stop, ...tags, "```python\n", "```\n", "\n", "print(1)", " ", "[", "@a[1]"];
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: fc.string() }), {
      maxLength: 12,
    })
    .map((parts) => parts.join(""));
}
