// A Sandbox over any channel to runner/runner.py: deadlines, who broke what, and one teardown.
import { randomBytes } from "node:crypto";
import type { Sandbox, SandboxLimits } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import type { BoundedText, StepResult } from "../domain/trajectory.ts";
import { encodeFrame, frameReader, maxFrameBytes, protocolVersion, type SupervisorFrame } from "./protocol.ts";

/** What a started container or process is to us: a duplex of frames, an end, and a way to make it end. */
export interface Inside {
  write(bytes: Buffer): void;
  onData(listener: (chunk: Buffer) => void): void;
  /** Settles once everything inside is gone by itself or by `kill`. Never rejects. */
  readonly ended: Promise<InsideEnd>;
  /** Starts killing everything inside; safe to call at any time and any number of times. */
  kill(): void;
  /** Removes what is left on the host after `ended`. */
  remove(): Promise<void>;
}

/**
 * Why an inside ended: `agent` when the code could have done it (it killed the supervisor, or filled the memory until the supervisor
 * went too), `infrastructure` for everything the code cannot do (the engine went away, the launcher was killed from outside).
 */
export interface InsideEnd {
  readonly cause: "agent" | "infrastructure";
  readonly detail: string;
}

// How long after its own step deadline the supervisor may be silent: the ladder's rungs, a respawn under load.
const supervisorGraceMs = 15_000;
const startLimitMs = 60_000;
const preimportLimitMs = 120_000;
const nothing: BoundedText = { head: "", tail: "", droppedBytes: 0 };

/**
 * Speaks the session protocol with a started inside. Resolves once the supervisor said hello; the interpreter goes on importing.
 * @throws {FailureError} "sandbox" when it does not come up; the inside is then already removed.
 */
export async function supervise(
  inside: Inside,
  options: {
    readonly limits: SandboxLimits;
    readonly preimport: readonly string[];
    readonly signal: AbortSignal;
    readonly onClosed: () => void;
  },
): Promise<Sandbox> {
  const session = randomBytes(16).toString("hex");
  let seq = 0;
  let stepsRun = 0;
  let running: string | undefined;
  let over: InsideEnd | undefined;
  let violation: unknown;
  let waiting: { wants: "hello" | string; settle: (frame: SupervisorFrame | InsideEnd) => void } | undefined;
  let closing: Promise<void> | undefined;

  const read = frameReader((frame) => {
    if (frame.session !== session || frame.seq !== ++seq)
      throw new Error("Expected the session's next frame, got another");
    const kind = frame.type === "hello" ? "hello" : frame.step;
    if (waiting?.wants !== kind) throw new Error(`Expected a frame for ${waiting?.wants ?? "nothing"}, got ${kind}`);
    waiting.settle(frame);
  });
  inside.onData((chunk) => {
    if (violation !== undefined) return;
    try {
      read(chunk);
    } catch (error) {
      violation = error;
      inside.kill();
    }
  });
  const ended = inside.ended.then((end) => {
    over = violation === undefined ? end : { cause: "infrastructure", detail: `broken protocol: ${String(violation)}` };
    waiting?.settle(over);
  });

  function close(): Promise<void> {
    closing ??= (async () => {
      inside.kill();
      await ended;
      try {
        await inside.remove();
      } finally {
        options.onClosed();
      }
    })();
    return closing;
  }

  /** The frame that answers, the inside's end, or "late"; rejects with the signal's reason after starting the kill. */
  function exchange(
    wants: string,
    limitMs: number,
    signal: AbortSignal,
    frame: unknown,
  ): Promise<SupervisorFrame | InsideEnd | "late"> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        waiting = undefined;
      };
      const aborted = () => {
        finish();
        inside.kill();
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        finish();
        resolve("late");
      }, limitMs);
      signal.addEventListener("abort", aborted, { once: true });
      waiting = {
        wants,
        settle: (answer) => {
          finish();
          resolve(answer);
        },
      };
      inside.write(encodeFrame(frame));
    });
  }

  /** `killed` says to whoever reads it that this sandbox is over: its later steps are `killed` too. */
  function gone(wallMs: number, detail: string): StepResult {
    return {
      end: "killed",
      stdout: nothing,
      stderr: nothing,
      result: null,
      exception: null,
      pictures: [],
      savedOutput: null,
      wallMs,
      cpuMs: 0,
      peakMemoryBytes: null,
      stateLost: true,
      detail,
    };
  }

  try {
    options.signal.throwIfAborted();
    if (over) throw broke(over);
    const hello = await exchange("hello", startLimitMs, options.signal, {
      v: protocolVersion,
      type: "open",
      session,
      preimport: options.preimport,
    });
    if (hello === "late") throw new FailureError("sandbox", `The sandbox did not start within ${startLimitMs} ms`);
    if ("cause" in hello) throw broke(hello);
  } catch (error) {
    await close();
    throw error;
  }

  return {
    async run(code, { signal }) {
      signal.throwIfAborted();
      if (closing) throw new FailureError("sandbox", "Expected an open sandbox, got one that is closed");
      if (waiting) throw new FailureError("sandbox", "Expected one step at a time, got a second while one runs");
      if (over) {
        if (stepsRun === 0 || over.cause === "infrastructure") throw broke(over);
        return gone(0, over.detail);
      }
      const size = Buffer.byteLength(code, "utf8");
      if (size > maxFrameBytes / 8) return tooLong(size);
      const step = randomBytes(16).toString("hex");
      const started = performance.now();
      const { stepTimeoutMs, outputBytes } = options.limits;
      const limitMs = stepTimeoutMs + supervisorGraceMs + (stepsRun === 0 ? preimportLimitMs : 0);
      running = step;
      const answer = await exchange(step, limitMs, signal, {
        v: protocolVersion,
        type: "run",
        session,
        step,
        code,
        timeoutMs: stepTimeoutMs,
        outputBytes,
      }).finally(() => {
        running = undefined;
      });
      const wallMs = performance.now() - started;
      stepsRun++;
      if (answer === "late") {
        inside.kill();
        return gone(wallMs, "the sandbox stopped answering and was ended");
      }
      if ("cause" in answer) {
        if (answer.cause === "infrastructure") throw broke(answer);
        return gone(wallMs, answer.detail);
      }
      if (answer.type !== "done") throw broke({ cause: "infrastructure", detail: `unexpected ${answer.type} frame` });
      const { v: _v, session: _session, seq: _seq, type: _type, step: _step, detail, ...shown } = answer;
      const result = { ...shown, pictures: [], savedOutput: null, peakMemoryBytes: null };
      return detail === undefined ? result : { ...result, detail };
    },
    interrupt() {
      if (running !== undefined)
        inside.write(encodeFrame({ v: protocolVersion, type: "interrupt", session, step: running }));
    },
    [Symbol.asyncDispose]: close,
  };
}

function broke(end: InsideEnd): FailureError {
  return new FailureError("sandbox", `The sandbox broke: ${end.detail}`);
}

function tooLong(bytes: number): StepResult {
  const value = `code of ${bytes} bytes is longer than a step may be`;
  return {
    end: "error",
    stdout: nothing,
    stderr: nothing,
    result: null,
    exception: { name: "ValueError", value, traceback: { ...nothing, head: `ValueError: ${value}\n` } },
    pictures: [],
    savedOutput: null,
    wallMs: 0,
    cpuMs: 0,
    peakMemoryBytes: null,
    stateLost: false,
  };
}
