// What many cases do: try one thing after another inside and read how each went; see that the session goes on.
import assert from "node:assert/strict";
import type { HostileContext, Session, Step } from "./case.ts";

/** How each attempt went: "done", or the error's name and errno (`PermissionError EACCES`). */
export type Attempts = Readonly<Record<string, string>>;

/** Runs each piece of Python by itself in one step; `shared` runs first, and its names are there for all. */
export async function attempts(
  session: Session,
  pieces: Readonly<Record<string, string>>,
  shared = "",
): Promise<Attempts> {
  const step = await session.run(`
import ctypes, errno, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    "A system call; raises OSError where it fails."
    if libc.syscall(number, *arguments) == -1: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
${shared}
told = {}
for name, code in ${JSON.stringify(Object.entries(pieces))}:
    try:
        exec(code, dict(globals()))
        told[name] = "done"
    except OSError as error:
        told[name] = f"{type(error).__name__} {errno.errorcode.get(error.errno, error.errno)}"
    except BaseException as error:
        told[name] = type(error).__name__
print(json.dumps(told))
`);
  assert.equal(step.end, "ok", `the attempts did not end by themselves: ${step.observation}`);
  const told = JSON.parse(step.stdout) as Attempts;
  assert.deepEqual(Object.keys(told), Object.keys(pieces));
  return told;
}

/** The names of those that were done. */
export function done(told: Attempts): string[] {
  return Object.entries(told)
    .filter(([, how]) => how === "done")
    .map(([name]) => name);
}

/** How the attempts went, in a few words: `PermissionError EPERM: mount, umount; …`. */
export function inWords(told: Attempts): string {
  const byHow = new Map<string, string[]>();
  for (const [name, how] of Object.entries(told)) byHow.set(how, [...(byHow.get(how) ?? []), name]);
  return [...byHow].map(([how, names]) => `${how}: ${names.join(", ")}`).join("; ");
}

/** The step's value as JSON that its code printed. */
export function printed<T>(step: Step): T {
  assert.equal(step.end, "ok", `expected JSON, got ${step.end}: ${step.observation}`);
  return JSON.parse(step.stdout) as T;
}

/** Fails unless the step ended in one of these ways, and no later than the ladder's last rung. */
export function endedIn(context: HostileContext, step: Step, ends: readonly string[]): void {
  assert.ok(ends.includes(step.end), `expected ${ends.join(" or ")}, got ${step.end}: ${step.observation}`);
  const latestMs = context.target.limits.stepTimeoutMs + 20_000;
  assert.ok(step.raw.wallMs < latestMs, `the step ended after ${step.raw.wallMs} ms, later than ${latestMs}`);
}

/**
 * Fails unless the next step works: in the same session, or in another where the code ended its sandbox and was told so. The session
 * that works is returned.
 */
export async function goesOn(context: HostileContext, session: Session, step: Step): Promise<Session> {
  if (step.end === "killed") assert.match(step.observation, /No further step can be run/);
  const next = step.end === "killed" ? await context.open() : session;
  const after = await next.run("6 * 7");
  assert.deepEqual([after.end, after.result], ["ok", "42"], `the next step: ${after.observation}`);
  return next;
}

/** The step's end as the record has it: `oom, stateLost (…detail)`. */
export function recordOf(step: Step): string {
  const { detail } = step.raw;
  return `${step.end}${step.stateLost ? ", stateLost" : ""}${detail === undefined ? "" : ` (${detail})`}`;
}

/** The last line that the agent is shown. */
export function lastLine(step: Step): string {
  return step.observation.trim().split("\n").at(-1) ?? "";
}
