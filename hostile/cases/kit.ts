// What the cases of rows 26 to 62 share: how a step is told as what was seen, and what the next step must be like.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { Seen, Session, Step } from "../case.ts";

/** The typed end with what goes with it: `exited, stateLost (the interpreter was ended by SIGSEGV)`. */
export function recordOf(step: Step): string {
  const detail = step.raw.detail === undefined ? "" : ` (${step.raw.detail})`;
  const cause = step.end === "error" && step.error !== null ? ` ${step.error.split(":")[0]}` : "";
  return `${step.end}${cause}${step.stateLost ? ", stateLost" : ""}${detail}`;
}

/** A case's outcome told by one step, or by several one after another. */
export function seenIn(...steps: readonly Step[]): Seen {
  return {
    agentSees: steps.map((step) => step.observation.trim()).join(" / "),
    record: [...new Set(steps.map(recordOf))].join("; "),
  };
}

/** Asserts that a step ended in one of these ways; the message shows the step. */
export function expectEnd(step: Step, ...ends: readonly string[]): void {
  expectEndOf("", step, ...ends);
}

/** `expectEnd`, naming the code in the message. */
export function expectEndOf(code: string, step: Step, ...ends: readonly string[]): void {
  const { end, error, stateLost, raw } = step;
  const out = step.stdout.slice(-600);
  const story = JSON.stringify({
    code: code.slice(-300),
    end,
    error,
    stateLost,
    detail: raw.detail,
    out,
    err: step.stderr.slice(-300),
  });
  assert.ok(ends.includes(end), `Expected the step to end as ${ends.join(" or ")}, got ${story}`);
}

/** Asserts that the session goes on: the next step's result is its own, whatever the one before tried. */
export async function expectUsable(session: Session): Promise<void> {
  const next = await session.run("6 * 7");
  expectEnd(next, "ok");
  assert.equal(next.result, "42");
  assert.equal(next.raw.exception, null);
}

/**
 * As `expectUsable`, after code that wrote to the interpreter's own channel: what it wrote too much may be found, and end the interpreter,
 * only with the next step, which then says so; its result is its own or none.
 */
export async function expectUsableAgain(session: Session): Promise<void> {
  const next = await session.run("6 * 7");
  expectEnd(next, "ok", "protocol_violation");
  assert.ok(next.result === null || next.result === "42", `got ${next.result}`);
  await expectUsable(session);
}

/** Runs the code in a sandbox of its own, asserts how it ended and that the next step is sound. */
export async function runAlone(open: () => Promise<Session>, code: string, ...ends: readonly string[]): Promise<Step> {
  const session = await open();
  const step = await session.run(code);
  expectEnd(step, ...ends);
  await expectUsable(session);
  return step;
}

/** Host processes whose command line holds `marker`. A kernel of its own (gVisor) hides its processes from this. */
export function hostProcessesWith(marker: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return line.includes(marker) ? [`${pid} ${line.slice(0, 200)}`] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

/** Waits until `holds`, at most `limitMs`. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs: number, what: string): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `Expected ${what} within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
