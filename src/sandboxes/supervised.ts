// A Sandbox over any channel to runner/runner.py: deadlines, who broke what, and one teardown.
import { randomBytes } from "node:crypto";
import type { Blobs, Sandbox, SandboxLimits } from "../contracts.ts";
import { type FailureCode, FailureError } from "../domain/errors.ts";
import { gone, resultOf, tooLong } from "./answers.ts";
import { collectFile, collectLimitMs } from "./collect.ts";
import type { SandboxEnd } from "./ends.ts";
import { keepPictures } from "./pictures.ts";
import { encodeFrame, frameReader, maxFrameBytes, protocolVersion, type SupervisorFrame } from "./protocol.ts";

/** What a started container or process is to us: a duplex of frames, an end, and a way to make it end. */
export interface Inside {
  write(bytes: Buffer): void;
  onData(listener: (chunk: Buffer) => void): void;
  /** Whether code can write on the supervisor's own channel, as under gVisor: what breaks the protocol is then taken for its doing. */
  readonly channelInReach?: boolean;
  /** Settles once everything inside is gone by itself or by `kill`. Never rejects. */
  readonly ended: Promise<InsideEnd>;
  /** Starts killing everything inside; safe to call at any time and any number of times. */
  kill(): void;
  /** Removes what is left on the host after `ended`. */
  remove(): Promise<void>;
}

/**
 * Why an inside ended: `agent` when the code could have done it (it filled the memory until the supervisor went too, or silenced it),
 * `infrastructure` for everything the code cannot do (the engine went away, the launcher was killed from outside).
 */
export interface InsideEnd {
  readonly cause: "agent" | "infrastructure";
  readonly detail: string;
}

/** The sandbox ended itself because its host was silent for `limits.idleMs`; nothing of a step was lost. Another can be opened. */
export class SandboxExpired extends FailureError {
  constructor(detail: string) {
    super("sandbox", `The sandbox ended itself: ${detail}`, { code: "sandbox_lost" });
  }
}

/** An end as this side knows it: with the code of the failure, or as expired. */
interface Over extends InsideEnd {
  readonly code: FailureCode;
  readonly expired?: boolean;
}

// How long after its own step deadline the supervisor may take: the ladder's rungs, under load.
const supervisorGraceMs = 15_000;
const startLimitMs = 60_000;
// As START_LIMIT_S in runner/_inside/child.py, and room to say that it passed.
const importLimitMs = 150_000;
const tickMs = 500;

/**
 * Speaks the session protocol with a started inside. Resolves once the supervisor said hello; the interpreter goes on importing.
 * `silenceMs` is how long a supervisor may say nothing during a step; `queueMs` and `beganMs` (of `performance.now`) are when it began.
 * @throws {FailureError} "sandbox" when it does not come up; the inside is then already removed.
 */
export async function supervise(
  inside: Inside,
  options: {
    readonly limits: SandboxLimits;
    readonly preimport: readonly string[];
    /** Where pictures are kept; without it they are let go. */
    readonly blobs?: Blobs | undefined;
    readonly signal: AbortSignal;
    readonly onClosed: (end: SandboxEnd) => void;
    readonly queueMs?: number;
    readonly beganMs?: number;
    readonly silenceMs?: number;
  },
): Promise<Sandbox> {
  const { silenceMs = supervisorGraceMs, queueMs = 0, beganMs = performance.now(), limits } = options;
  const session = randomBytes(16).toString("hex");
  let seq = 0;
  let codeSent = false;
  let stepsRun = 0;
  let running: string | undefined;
  let collected = false;
  let over: Over | undefined;
  /** The first cause of the end: what comes after it, as a frame cut short by our own kill, is none. */
  let end: SandboxEnd | undefined;
  let waiting: Waiting | undefined;
  let closing: Promise<void> | undefined;
  let readyMs = 0;

  function finish(how: Over): void {
    over ??= how;
    end ??= how.cause === "agent" ? "killed" : how.code;
  }

  const read = frameReader((frame) => {
    if (frame.session !== session || frame.seq !== ++seq)
      throw new Error("Expected the session's next frame, got another");
    if (frame.type === "left") {
      const expired = frame.why === "idle";
      // What makes the supervisor give up once code ran may be that code's doing; as a failure it would be tried again for ever.
      const cause = frame.why === "gave_up" ? "agent" : "infrastructure";
      const code = frame.why === "failed" ? "open_failed" : "sandbox_lost";
      finish({ cause, detail: frame.detail, code, expired });
      return;
    }
    const kind = frame.type === "hello" ? "hello" : frame.step;
    if (waiting?.wants !== kind) throw new Error(`Expected a frame for ${waiting?.wants ?? "nothing"}, got ${kind}`);
    if (frame.type === "beat") waiting.beat(frame.running);
    else waiting.settle(frame);
  });
  inside.onData((chunk) => {
    if (end !== undefined) return;
    try {
      read(chunk);
    } catch (error) {
      const detail = `broken protocol: ${String(error)}`;
      const cause = codeSent && inside.channelInReach === true ? "agent" : "infrastructure";
      finish({ cause, detail, code: "protocol_violation" });
      inside.kill();
    }
  });
  const ended = inside.ended.then((how) => {
    finish({ ...how, code: "sandbox_lost" });
    waiting?.settle(over as Over);
  });

  function close(): Promise<void> {
    closing ??= (async () => {
      end ??= "closed";
      inside.kill();
      await ended;
      try {
        await inside.remove();
      } finally {
        options.onClosed(end);
      }
    })();
    return closing;
  }

  /**
   * The frame that answers, or the inside's end; "late" when it is silent for `silenceMs`, or when `limitMs` have passed since it began to
   * run (where the supervisor `beats` meanwhile; else since it was asked). Counted in ticks, in which this process was awake: a host that was stopped finds the answer in the pipe, not a deadline missed.
   */
  function exchange(
    wants: string,
    limitMs: number,
    signal: AbortSignal,
    frame: unknown,
    { beats = wants !== "hello" } = {},
  ) {
    return new Promise<SupervisorFrame | Over | "late">((resolve, reject) => {
      let silentMs = 0;
      let startedMs = 0;
      let ranMs = 0;
      let running = !beats;
      const eachMs = Math.min(tickMs, silenceMs / 4);
      const stop = () => {
        clearInterval(ticks);
        signal.removeEventListener("abort", aborted);
        waiting = undefined;
      };
      const aborted = () => {
        stop();
        end ??= "closed";
        inside.kill();
        reject(signal.reason);
      };
      const ticks = setInterval(() => {
        silentMs += eachMs;
        if (running) ranMs += eachMs;
        else startedMs += eachMs;
        const silent = beats && silentMs > silenceMs;
        if (!silent && ranMs <= limitMs && startedMs <= importLimitMs) return;
        stop();
        resolve("late");
      }, eachMs);
      signal.addEventListener("abort", aborted, { once: true });
      waiting = {
        wants,
        beat(runs) {
          silentMs = 0;
          running ||= runs;
        },
        settle(answer) {
          stop();
          resolve(answer);
        },
      };
      inside.write(encodeFrame(frame));
    });
  }

  try {
    options.signal.throwIfAborted();
    if (over) throw broke(over);
    const opening = { v: protocolVersion, type: "open", session, preimport: options.preimport, idleMs: limits.idleMs };
    const hello = await exchange("hello", startLimitMs, options.signal, opening);
    if (hello === "late" || "cause" in hello) {
      const why = hello === "late" ? `it did not start within ${startLimitMs} ms` : hello.detail;
      end = end === "protocol_violation" ? end : "open_failed";
      throw new FailureError("sandbox", `The sandbox broke: ${why}`, { code: end });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const openMs = performance.now() - beganMs;

  return {
    times: () => ({ queueMs, openMs, readyMs }),
    async run(code, { signal, number = ++stepsRun }) {
      signal.throwIfAborted();
      if (closing) throw misused("Expected an open sandbox, got one that is closed");
      if (waiting) throw misused("Expected one step at a time, got a second while one runs");
      if (collected) throw misused("Expected a sandbox that runs, got one that was collected from");
      if (over) return await gaveNoAnswer(over, 0);
      const size = Buffer.byteLength(code, "utf8");
      if (size > maxFrameBytes / 8) return tooLong(size);
      const step = randomBytes(16).toString("hex");
      const startedMs = performance.now();
      const { stepTimeoutMs, outputBytes } = limits;
      codeSent = true;
      running = step;
      readyMs = 0;
      const frame = {
        v: protocolVersion,
        type: "run",
        session,
        step,
        number,
        code,
        timeoutMs: stepTimeoutMs,
        outputBytes,
      };
      const answer = await exchange(step, stepTimeoutMs + supervisorGraceMs, signal, frame).finally(() => {
        running = undefined;
      });
      const wallMs = performance.now() - startedMs;
      if (answer === "late") {
        const silent: Over = { cause: "agent", detail: "the sandbox stopped answering", code: "sandbox_lost" };
        finish(silent);
        inside.kill();
        return gone(wallMs, silent.detail);
      }
      if ("cause" in answer) return await gaveNoAnswer(answer, wallMs);
      if (answer.type !== "done") throw new Error(`Expected the end of a step, got a ${answer.type} frame`);
      readyMs = answer.readyMs;
      const result = resultOf(answer, limits);
      if (result.end === "killed") {
        finish({ cause: "agent", detail: result.detail ?? "", code: "sandbox_lost" });
        inside.kill();
      }
      const { kept, refused } = await keepPictures(answer.pictures, options.blobs);
      const details = [result.detail, refused].filter((part) => part !== undefined).join("; ");
      return { ...result, pictures: kept, ...(details !== "" && { detail: details }) };
    },
    collect(path, { maxBytes, signal }) {
      return collectFile(path, maxBytes, async (frame) => {
        signal.throwIfAborted();
        if (closing) throw misused("Expected an open sandbox, got one that is closed");
        if (waiting) throw misused("Expected one step at a time, got a second while one runs");
        collected = true;
        const step = randomBytes(16).toString("hex");
        const asked = { ...frame, v: protocolVersion, session, step };
        const answer = over ?? (await exchange(step, collectLimitMs, signal, asked, { beats: false }));
        if (answer === "late") {
          const detail = `it handed over no file within ${collectLimitMs} ms`;
          const silent: Over = { cause: "infrastructure", detail, code: "sandbox_lost" };
          finish(silent);
          inside.kill();
          throw broke(silent);
        }
        if (!("cause" in answer)) return answer;
        if (answer.expired) throw new SandboxExpired(answer.detail);
        if (!codeSent || answer.cause === "infrastructure") throw broke(answer);
        return { gone: `the sandbox is gone: ${answer.detail}` };
      });
    },
    interrupt() {
      if (running !== undefined)
        inside.write(encodeFrame({ v: protocolVersion, type: "interrupt", session, step: running }));
    },
    [Symbol.asyncDispose]: close,
  };

  /** A sandbox that is over gives no further result but that it was `killed`, where the code did that. */
  async function gaveNoAnswer(how: Over, wallMs: number) {
    if (how.expired) throw new SandboxExpired(how.detail);
    if (!codeSent || how.cause === "infrastructure") throw broke(how);
    return gone(wallMs, how.detail);
  }
}

interface Waiting {
  readonly wants: "hello" | string;
  beat(running: boolean): void;
  settle(what: SupervisorFrame | Over): void;
}

function broke({ detail, code }: Over): FailureError {
  return new FailureError("sandbox", `The sandbox broke: ${detail}`, { code });
}

function misused(what: string): FailureError {
  return new FailureError("sandbox", what, { code: "sandbox_lost" });
}
