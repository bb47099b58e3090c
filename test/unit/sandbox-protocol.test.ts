import { describe, expect, test } from "vitest";
import { FailureError, UsageError } from "../../src/domain/errors.ts";
import { demultiplexer } from "../../src/sandboxes/demux.ts";
import { countEnds, endOfOpening, endsInWords, type SandboxEnd } from "../../src/sandboxes/ends.ts";
import { sandboxConfig } from "../../src/sandboxes/index.ts";
import { tmpfsBytes } from "../../src/sandboxes/inside.ts";
import { places } from "../../src/sandboxes/places.ts";
import { encodeFrame, frameReader, protocolVersion, type SupervisorFrame } from "../../src/sandboxes/protocol.ts";
import { type Inside, type InsideEnd, SandboxExpired, supervise } from "../../src/sandboxes/supervised.ts";

const signal = new AbortController().signal;
const limits = {
  idleMs: 60_000,
  memoryMb: 256,
  cpus: 1,
  pids: 64,
  stepTimeoutMs: 1000,
  scratchMb: 32,
  outputBytes: 1000,
};
const nothing = { head: "", tail: "", droppedBytes: 0 };

describe("frames", () => {
  const hello = { v: protocolVersion, type: "hello", session: "s", seq: 1 };

  test("are read whatever the chunks they come in", () => {
    const bytes = Buffer.concat([encodeFrame(hello), encodeFrame({ ...hello, session: "é", seq: 2 })]);
    for (let size = 1; size <= bytes.length; size++) {
      const seen: SupervisorFrame[] = [];
      const read = frameReader((frame) => seen.push(frame));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(seen).toEqual([hello, { ...hello, session: "é", seq: 2 }]);
    }
  });

  test("of more than the largest length, of another version or with unknown parts are refused", () => {
    const read = () => frameReader(() => {});
    expect(() => read()(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow("at most");
    expect(() => read()(encodeFrame({ ...hello, v: protocolVersion + 1 }))).toThrow();
    expect(() => read()(encodeFrame({ ...hello, more: 1 }))).toThrow();
    expect(() => read()(Buffer.from([0, 0, 0, 1, 65]))).toThrow();
  });
});

test("Docker's stream is split into stdout and stderr whatever the chunks, also millions of tiny ones", () => {
  const part = (stream: number, text: string) => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const bytes = Buffer.concat([part(1, "abc"), part(2, "x"), part(1, ""), part(1, "def")]);
  for (let size = 1; size <= bytes.length; size++) {
    const streams = ["", "", ""];
    const split = demultiplexer((stream, chunk) => {
      streams[stream] += chunk.toString();
    });
    for (let at = 0; at < bytes.length; at += size) split(bytes.subarray(at, at + size));
    expect(streams).toEqual(["", "abcdef", "x"]);
  }
  let count = 0;
  demultiplexer(() => count++)(Buffer.concat(Array.from({ length: 100_000 }, () => part(1, "z"))));
  expect(count).toBe(100_000);
});

test("places are given out in order, given back once, and not to who no longer waits", async () => {
  const two = places(2);
  const first = await two.take(signal);
  await two.take(signal);
  const abort = new AbortController();
  const gone = two.take(abort.signal);
  const third = two.take(signal);
  expect(two.occupancy()).toEqual({ open: 2, limit: 2, waiting: 2 });
  abort.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  first();
  first();
  await third;
  expect(two.occupancy()).toEqual({ open: 2, limit: 2, waiting: 0 });
  await expect(Promise.race([two.take(signal), Promise.resolve("none free")])).resolves.toBe("none free");
});

/** An inside whose supervisor is the test: `frames` are what the host sent. */
function scripted() {
  const frames: Record<string, unknown>[] = [];
  let say: (chunk: Buffer) => void = () => {};
  let end: (how: InsideEnd) => void = () => {};
  let seq = 0;
  const ended = new Promise<InsideEnd>((resolve) => {
    end = resolve;
  });
  const inside: Inside & { removed: number } = {
    removed: 0,
    write(bytes) {
      const frame = JSON.parse(bytes.toString("utf8", 4));
      frames.push(frame);
      if (frame.type === "open") answer({ type: "hello" });
    },
    onData: (listener) => {
      say = listener;
    },
    ended,
    kill: () => end({ cause: "infrastructure", detail: "killed by the host" }),
    remove: async () => {
      inside.removed++;
    },
  };
  function answer(frame: object) {
    setImmediate(() => say(encodeFrame({ v: protocolVersion, session: frames[0]?.session, seq: ++seq, ...frame })));
  }
  const done = (step: unknown, result: object = {}) =>
    answer({
      ...{ type: "done", step, end: "ok", stdout: nothing, stderr: nothing, result: null, exception: null },
      ...{ pictures: [], savedOutput: null, wallMs: 1, cpuMs: 1, readyMs: 1, peakMemoryBytes: null, stateLost: false },
      ...result,
    });
  return { inside, frames, answer, done, end, say: (chunk: Buffer) => say(chunk) };
}

async function sandboxOver(script: ReturnType<typeof scripted>, silenceMs = 15_000) {
  const ends: SandboxEnd[] = [];
  const onClosed = (end: SandboxEnd) => void ends.push(end);
  const sandbox = await supervise(script.inside, { limits, preimport: [], signal, onClosed, silenceMs });
  return { sandbox, closed: () => ends.length, ends };
}

describe("a supervised sandbox", () => {
  test("fails as infrastructure when the launcher or engine goes away", async () => {
    const script = scripted();
    const { sandbox, closed } = await sandboxOver(script);
    const running = sandbox.run("1", { signal });
    script.end({ cause: "infrastructure", detail: "the engine went away" });
    await expect(running).rejects.toThrow(FailureError);
    await expect(sandbox.run("2", { signal })).rejects.toThrow("the engine went away");
    await sandbox[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    expect([script.inside.removed, closed()]).toEqual([1, 1]);
  });

  test("is killed, as the agent's own doing, when the code ended it, and stays killed", async () => {
    const script = scripted();
    const { sandbox } = await sandboxOver(script);
    const running = sandbox.run("1", { signal });
    script.end({ cause: "agent", detail: "signal 9" });
    expect(await running).toMatchObject({ end: "killed", stateLost: true, detail: "signal 9" });
    expect(await sandbox.run("2", { signal })).toMatchObject({ end: "killed" });
  });

  test("fails as lost, or as a broken protocol, and ends once, by its first cause", async () => {
    const lost = scripted();
    const over = await sandboxOver(lost);
    const running = over.sandbox.run("1", { signal });
    lost.end({ cause: "infrastructure", detail: "the engine went away" });
    await expect(running).rejects.toMatchObject({ kind: "sandbox", code: "sandbox_lost" });
    await over.sandbox[Symbol.asyncDispose]();
    expect(over.ends).toEqual(["sandbox_lost"]);

    const spoken = scripted();
    const broken = await sandboxOver(spoken);
    const waiting = broken.sandbox.run("1", { signal });
    spoken.say(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await expect(waiting).rejects.toMatchObject({ code: "protocol_violation" });
    await broken.sandbox[Symbol.asyncDispose]();
    expect(broken.ends).toEqual(["protocol_violation"]);
  });

  test("that says it gave up after code ran was ended by that code; before, it did not open", async () => {
    const script = scripted();
    const { sandbox, ends } = await sandboxOver(script);
    const running = sandbox.run("1", { signal });
    script.answer({ type: "left", why: "gave_up", detail: "MemoryError" });
    setTimeout(() => script.end({ cause: "infrastructure", detail: "left with 71" }), 20);
    expect(await running).toMatchObject({ end: "killed", detail: "MemoryError" });
    await sandbox[Symbol.asyncDispose]();
    expect(ends).toEqual(["killed"]);

    const early = scripted();
    const first = await sandboxOver(early);
    const waiting = first.sandbox.run("1", { signal });
    early.answer({ type: "left", why: "failed", detail: "cannot import pandas" });
    setTimeout(() => early.end({ cause: "infrastructure", detail: "left with 71" }), 20);
    await expect(waiting).rejects.toMatchObject({ code: "open_failed", message: /cannot import pandas/ });
    await first.sandbox[Symbol.asyncDispose]();
    expect(first.ends).toEqual(["open_failed"]);
  });

  test("that ended itself because its host was silent says so, and is no end of the code's", async () => {
    const script = scripted();
    const { sandbox } = await sandboxOver(script);
    script.answer({ type: "left", why: "idle", detail: "its host said nothing for 3600 s" });
    setTimeout(() => script.end({ cause: "infrastructure", detail: "left with 71" }), 20);
    await expect(sandbox.run("1", { signal })).rejects.toThrow(SandboxExpired);
    await expect(sandbox.run("1", { signal })).rejects.toThrow(SandboxExpired);
  });

  test("is ended, as the code's doing, when it is silent during a step, and lives on while it beats", async () => {
    const script = scripted();
    const { sandbox, ends } = await sandboxOver(script, 200);
    const beating = sandbox.run("1", { signal });
    const step = script.frames[1]?.step;
    const beats = setInterval(() => script.answer({ type: "beat", step, running: false }), 20);
    await new Promise((resolve) => setTimeout(resolve, 800));
    clearInterval(beats);
    script.done(step);
    expect(await beating).toMatchObject({ end: "ok" });
    expect(await sandbox.run("2", { signal })).toMatchObject({ end: "killed", stateLost: true });
    await sandbox[Symbol.asyncDispose]();
    expect(ends).toEqual(["killed"]);
  });

  test("says how long its parts took, and which limit a step reached", async () => {
    const script = scripted();
    const { sandbox } = await sandboxOver(script);
    const running = sandbox.run("1", { signal });
    script.done(script.frames[1]?.step, { end: "oom", readyMs: 12, peakMemoryBytes: 5, stateLost: true });
    expect(await running).toMatchObject({ end: "oom", limit: "256 MB", peakMemoryBytes: 5 });
    expect(sandbox.times()).toMatchObject({ queueMs: 0, readyMs: 12 });
    expect(script.frames[0]).toMatchObject({ type: "open", idleMs: 60_000 });
  });

  test("fails when a frame answers another step, comes twice, or out of sequence", async () => {
    for (const forge of [
      (script: ReturnType<typeof scripted>) => script.done("0".repeat(32)),
      (script: ReturnType<typeof scripted>) => script.answer({ type: "hello" }),
      (script: ReturnType<typeof scripted>) => script.done(script.frames[1]?.step, { seq: 9 }),
      (script: ReturnType<typeof scripted>) => script.done(script.frames[1]?.step, { session: "other" }),
    ]) {
      const script = scripted();
      const { sandbox } = await sandboxOver(script);
      const running = sandbox.run("1", { signal });
      forge(script);
      await expect(running).rejects.toThrow("broken protocol");
    }
  });

  test("gives every step an id of its own that cannot be guessed", async () => {
    const script = scripted();
    const { sandbox } = await sandboxOver(script);
    for (const index of [1, 2]) {
      const running = sandbox.run("1", { signal });
      script.done(script.frames[index]?.step);
      expect(await running).toMatchObject({ end: "ok" });
    }
    expect(script.frames[1]?.step).toMatch(/^[0-9a-f]{32}$/);
    expect(script.frames[1]?.step).not.toBe(script.frames[2]?.step);
  });

  test("answers code that is longer than a frame with an exception", async () => {
    const { sandbox } = await sandboxOver(scripted());
    expect(await sandbox.run("x".repeat(20_000_000), { signal })).toMatchObject({
      end: "error",
      exception: { name: "ValueError" },
    });
  });
});

test("ends of sandboxes are counted once each, and told in words", () => {
  const counted = countEnds();
  const tell = Array.from({ length: 5 }, () => counted.opened());
  tell[0]?.("closed");
  tell[1]?.("killed");
  tell[2]?.("sandbox_lost");
  tell[3]?.(endOfOpening(new FailureError("sandbox", "no")));
  expect(() => tell[0]?.("killed")).toThrow("one end");
  const failed = { sandbox_lost: 1, open_failed: 1 };
  expect(counted.ends()).toEqual({ opened: 5, closed: 1, killed: 1, failed });
  expect(endsInWords(counted.ends())).toBe("5 opened: 1 closed, 1 killed by code, 1 sandbox_lost, 1 open_failed");
  expect(endOfOpening(new FailureError("sandbox", "no", { code: "backend_down" }))).toBe("backend_down");
  expect(endOfOpening(new Error("aborted"))).toBe("closed");
});

test("temporary files above half of the memory are refused", () => {
  expect(tmpfsBytes(limits)).toEqual({ scratch: 32 * 2 ** 20, tmp: 8 * 2 ** 20, shm: 8 * 2 ** 20 });
  expect(() => tmpfsBytes({ ...limits, scratchMb: 100 })).toThrow(UsageError);
});

test("the sandbox section of a config has defaults and refuses unknown keys and backends", () => {
  expect(sandboxConfig.parse(undefined)).toMatchObject({ backend: "auto", memoryMb: 1024, preimport: ["pandas"] });
  expect(sandboxConfig.safeParse({ memory: 1 }).success).toBe(false);
  expect(sandboxConfig.safeParse({ backend: "none" }).success).toBe(false);
});
