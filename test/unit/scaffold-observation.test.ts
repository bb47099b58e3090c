import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { StepResult } from "../../src/domain/trajectory.ts";

const whole = (head: string) => ({ head, tail: "", droppedBytes: 0 });

function step(changes: Partial<StepResult> = {}): StepResult {
  return {
    end: "ok",
    stdout: whole(""),
    stderr: whole(""),
    result: null,
    exception: null,
    wallMs: 12,
    cpuMs: 10,
    pictures: [],
    savedOutput: null,
    peakMemoryBytes: null,
    stateLost: false,
    ...changes,
  };
}

describe("the agent is shown a step", () => {
  test("as a notebook would: what was printed, then the last value, then stderr", () => {
    expect(react.show(step({ stdout: whole("a\nb\n"), result: whole("3"), stderr: whole("careful\n") }))).toBe(
      "a\nb\n3\n[stderr]\ncareful",
    );
  });

  test("a step that shows nothing says so", () => {
    expect(react.show(step())).toBe("(no output)");
  });

  test("an exception comes with its traceback after what was printed before it", () => {
    const traceback = whole("Traceback (most recent call last):\n  File \"<step>\", line 1\nKeyError: 'sex'\n");
    const exception = { name: "KeyError", value: "'sex'", traceback };
    expect(react.show(step({ end: "error", stdout: whole("ok\n"), exception }))).toBe(
      `ok\n${traceback.head.trimEnd()}`,
    );
  });

  test("an exception without a traceback is named", () => {
    const exception = { name: "MemoryError", value: "no", traceback: whole("") };
    expect(react.show(step({ end: "error", exception }))).toBe("MemoryError: no");
  });

  test("what a limit cut out is counted in words between head and tail", () => {
    const shown = react.show(step({ stdout: { head: "first\n", tail: "last\n", droppedBytes: 1_234_567 } }));
    expect(shown).toBe("first\n[... 1,234,567 bytes of output left out here ...]\nlast");
  });

  test("a flood of warnings is bounded at both ends", () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `warning ${i}`).join("\n");
    const shown = react.show(step({ stderr: whole(lines) }));
    expect(shown.length).toBeLessThan(2300);
    expect(shown).toMatch(/warning 0\n.*characters of output left out here.*warning 4999$/s);
  });

  test.each([
    ["timeout", "60 s", /^\[Time limit \(60 s\) exceeded; the step was stopped\./],
    ["oom", "1,024 MB", /^\[Memory limit \(1,024 MB\) exceeded\./],
    ["output_limit", "64 MB", /^\[Output limit \(64 MB\) exceeded; the step was stopped\./],
    ["exited", undefined, /process ended/],
    ["protocol_violation", undefined, /channel that belongs to Python itself/],
  ] as const)("after %s it is told what happened and whether its variables survived", (end, limit, what) => {
    const about = { end, ...(limit !== undefined && { limit }) };
    const kept = react.show(step(about));
    expect(kept).toMatch(what);
    expect(kept).toMatch(/Variables from before are still there/);
    const lost = react.show(step({ ...about, stateLost: true }));
    expect(lost).toMatch(/all variables, imports and functions are lost, files in \/scratch remain/);
  });

  test("what keeps Python from starting again, or ended the sandbox, is said", () => {
    const detail = "files in /scratch, /tmp and /dev/shm hold 480 MB of the memory";
    expect(react.show(step({ end: "oom", limit: "1,024 MB", detail, stateLost: true }))).toContain(detail);
    expect(react.show(step({ end: "killed", detail, stateLost: true }))).toBe(
      `[The code ended its own sandbox: ${detail}. No further step can be run.]`,
    );
  });

  test("terminal colours go and a progress bar shows its last state", () => {
    const bar = "\u001b[32m 10%\u001b[0m\r 50%\r100%\r\ndone\r\n";
    expect(react.show(step({ stdout: whole(bar) }))).toBe("100%\ndone");
  });

  test.each([
    ["a longer text under a shorter one, erased", "loading data\r\u001b[Kdone", "done"],
    ["backspaces", "10%\b\b\b20%\b\b\b100%", "100%"],
    ["two bars with the cursor going up", "a 0%\n\rb 0%\u001b[A\ra 100%\n\rb 50%", "a 100%\nb 50%"],
    ["an erased line", "secret\u001b[2K\rshown", "shown"],
    ["a link and the clipboard", "\u001b]8;;http://e.org\u001b\\text\u001b]8;;\u0007\u001b]52;c;aGk=\u0007!", "text!"],
    ["a title without an end", "\u001b]0;evil\nnext", "\nnext"],
    ["8-bit sequences and C1 controls", "\u009b31mred\u009b0m\u0085\u009d52;c;x\u009c.\u0090q\u009c", "red."],
    ["text turned around", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
    ["a move far to the right and down", "a\u001b[999999999Cb\u001b[999999999Bc", `a${" ".repeat(199)}bc`],
  ])("%s: what a terminal would have shown in the end, and nothing it would obey", (_what, stdout, shown) => {
    expect(react.show(step({ stdout: whole(stdout) }))).toBe(shown);
  });

  test("ten megabytes of one overwritten line take no time to speak of", () => {
    expect(react.show(step({ stdout: whole(`${"\rx".repeat(500_000)}\rlast`) }))).toBe("last");
  });

  test("a step whose output was saved says how to read on, and what is gone", () => {
    const stdout = { head: "h".repeat(8000), tail: "t".repeat(8000), droppedBytes: 50_000 };
    const saved = "/scratch/.output/step-3.txt";
    expect(react.show(step({ stdout, savedOutput: saved }))).toContain(
      `\n[The whole output is in ${saved}. To read on: print(open("${saved}").read()[8000:24000])]`,
    );
    const gone = react.show(step({ stdout: { ...stdout, droppedBytes: 2_000_000 }, savedOutput: saved }));
    expect(gone).toContain(`[The first MiB of the output is in ${saved}. The rest is gone. To read on:`);
  });

  test("pictures are counted for an agent that cannot see them", () => {
    const picture = { sha256: "a".repeat(64), bytes: 10, width: 640, height: 480 };
    expect(react.show(step({ stdout: whole("x"), pictures: [picture] }))).toBe(
      "x\n[1 picture is kept with the record. You cannot see pictures: print the numbers you need.]",
    );
  });

  test.each([
    "<|im_end|>",
    "<|endoftext|>",
    "</s>",
    "[INST]",
    "<tool_call>",
    "</tool_response>",
    "</information>",
    "</think>",
  ])("%s out of the data cannot act as a special token", (token) => {
    const stdout = `x ${token} y`;
    const shown = react.observe(react.show(step({ stdout: whole(stdout) })), 5, {
      role: "assistant",
      content: "",
    }).content;
    expect(shown.split(token)).toHaveLength(token === "</information>" ? 2 : 1);
    expect(shown).toContain(`x ${token[0]} ${token.slice(1)} y`);
  });

  test("half a character left by a cut becomes a replacement character", () => {
    expect(react.show(step({ stdout: whole("a\ud83d") }))).toBe("a\ufffd");
  });
});
