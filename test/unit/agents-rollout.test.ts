import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import { type RolloutOptions, rollout } from "../../src/agents/rollout.ts";
import type { ChatRequest, Model, Session } from "../../src/contracts.ts";
import { FailureError, RejectionError } from "../../src/domain/errors.ts";
import { type StepResult, trajectory } from "../../src/domain/trajectory.ts";

const usage = {
  inputTokens: 10,
  cachedInputTokens: 0,
  outputTokens: 5,
  reasoningTokens: 0,
  estimated: false,
  costUsd: 0.5,
};

/** A model that says these things in turn; an Error is thrown instead. */
function saying(...script: (string | Error)[]): Model & { requests: ChatRequest[]; samples: number[] } {
  const requests: ChatRequest[] = [];
  const samples: number[] = [];
  return {
    name: "scripted",
    identity: {},
    requests,
    samples,
    async complete(request, { sample }) {
      requests.push(structuredClone(request));
      samples.push(sample);
      const next = script[requests.length - 1];
      if (next === undefined) throw new Error("Expected no further request");
      if (next instanceof Error) throw next;
      return {
        text: next,
        reasoning: null,
        finishReason: "stop",
        usage,
        key: `key${requests.length}`,
        remembered: false,
      };
    },
    async check() {},
  };
}

const ran = {
  ...{ backend: "fake", image: "sha256:1", kernel: "6.1", runtime: "runc" },
  ...{ queueMs: 1, openMs: 2, readyMs: 3, rebuildMs: 0 },
};

function sessionOf(run: (code: string) => Partial<StepResult>, diverged = false): Session & { codes: string[] } {
  const codes: string[] = [];
  const text = (head: string) => ({ head, tail: "", droppedBytes: 0 });
  return {
    codes,
    environment: {
      id: "env",
      backend: "fake",
      versions: { python: "3.11" },
      image: "sha256:1",
      kernel: "6.1",
      runtime: "runc",
    },
    async run(code) {
      codes.push(code);
      const result: StepResult = {
        end: "ok",
        stdout: text(`out of ${code}`),
        stderr: text(""),
        result: null,
        exception: null,
        wallMs: 1,
        cpuMs: 1,
        pictures: [],
        savedOutput: null,
        peakMemoryBytes: null,
        stateLost: false,
        ...run(code),
      };
      return { result, remembered: false, diverged, ran };
    },
    collect: async (path) => ({ path, refused: "missing" as const, detail: "no files here", diverged: false }),
    async [Symbol.asyncDispose]() {},
  };
}

const python = (code: string) => `<reasoning>r</reasoning><python>${code}</python>`;
const answer = (text: string) => `<answer>${text}</answer>`;

function start(model: Model, session: Session, options: Partial<RolloutOptions> = {}) {
  return rollout({
    id: "trajectory_1",
    assignment: { system: "s", user: "u" },
    model,
    scaffold: react,
    session,
    sample: 3,
    maxTurns: options.maxTurns ?? 5,
    signal: options.signal ?? new AbortController().signal,
    submission: options.submission,
  });
}

describe("a rollout", () => {
  test("runs code, shows it, and ends with the answer; every turn points at its message and completion", async () => {
    const model = saying(python("a"), answer("42"));
    const session = sessionOf(() => ({}), true);
    const done = await start(model, session);
    expect(trajectory.parse(done)).toEqual(done);
    expect(done).toMatchObject({
      exit: "submitted",
      submission: "42",
      environment: "env",
      image: "sha256:1",
      backend: "fake",
      ranOn: [{ backend: "fake", image: "sha256:1", kernel: "6.1", runtime: "runc" }],
      versions: { python: "3.11" },
    });
    expect(done.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user", "assistant"]);
    expect(done.messages[3]?.content).toBe("<information>\nout of a\n</information>\n\n[4 messages left]");
    expect(done.turns.map(({ message, completionKey, diverged }) => [message, completionKey, diverged])).toEqual([
      [2, "key1", true],
      [4, "key2", false],
    ]);
    expect(done.usage).toEqual({ ...usage, inputTokens: 20, outputTokens: 10, costUsd: 1 });
    expect(model.samples).toEqual([3, 3]);
    expect(model.requests[1]?.messages).toEqual(done.messages.slice(0, 4));
    expect(model.requests[0]?.stop).toEqual(react.stop);
  });

  test("a tag that was cut is closed in the message, and the turn says so", async () => {
    const done = await start(
      saying("<answer>7"),
      sessionOf(() => ({})),
    );
    expect(done.messages.at(-1)?.content).toBe("<answer>7</answer>");
    expect(done.turns[0]?.transforms).toEqual(["close_tag"]);
  });

  test("code in the last message is not run, and the agent knew that it was the last", async () => {
    const model = saying(python("a"), python("b"));
    const session = sessionOf(() => ({}));
    const done = await start(model, session, { maxTurns: 2 });
    expect(done).toMatchObject({ exit: "turn_limit", submission: null });
    expect(session.codes).toEqual(["a"]);
    expect(model.requests[1]?.messages.at(-1)?.content).toMatch(/last message/);
    expect(done.turns[1]).toMatchObject({ step: null, observation: null });
  });

  test("an invalid message is answered with its reason; three in a row end the rollout", async () => {
    const done = await start(
      saying("hm", "hm", "hm"),
      sessionOf(() => ({})),
    );
    expect(done.exit).toBe("format_limit");
    expect(done.messages[3]?.content).toMatch(/neither <python>/);
    expect(done.messages.at(-1)).toEqual({ role: "assistant", content: "hm" });
  });

  test("invalid messages that are not in a row do not end it", async () => {
    const done = await start(
      saying("hm", "hm", python("a"), "hm", answer("x")),
      sessionOf(() => ({})),
      { maxTurns: 9 },
    );
    expect(done.exit).toBe("submitted");
  });

  test("an agent that kills its sandbox ends there, with what it was shown", async () => {
    const done = await start(
      saying(python("kill")),
      sessionOf(() => ({ end: "killed", stateLost: true })),
    );
    expect(done.exit).toBe("sandbox_killed");
    expect(done.messages.at(-1)?.content).toMatch(/ended its own sandbox/);
  });

  test("a context that the agent filled is an exit; one that never fitted is a rejection", async () => {
    const overflow = () => new RejectionError("context_overflow", "too long");
    const done = await start(
      saying(python("a"), overflow()),
      sessionOf(() => ({})),
    );
    expect(done).toMatchObject({ exit: "context_limit", submission: null });
    expect(done.turns).toHaveLength(1);
    await expect(
      start(
        saying(overflow()),
        sessionOf(() => ({})),
      ),
    ).rejects.toMatchObject({ code: "context_overflow" });
  });

  test.each([
    ["a broken provider", new FailureError("provider", "503")],
    ["a refusal", new RejectionError("refusal", "no")],
  ])("%s makes no trajectory", async (_, error) => {
    await expect(
      start(
        saying(python("a"), error),
        sessionOf(() => ({})),
      ),
    ).rejects.toBe(error);
  });

  test("the file that is asked for is taken out however it ended; none is where none is asked for", async () => {
    const submission = { path: "/scratch/s.csv", maxBytes: 7 };
    const ends = { submitted: [python("a"), answer("1")], turn_limit: [python("a")], format_limit: ["?", "?", "?"] };
    for (const [exit, says] of Object.entries(ends)) {
      const taken: unknown[] = [];
      const session: Session = {
        ...sessionOf(() => ({})),
        async collect(path, { maxBytes }) {
          taken.push([path, maxBytes]);
          return { path, bytes: 3, sha256: "h", diverged: false };
        },
      };
      const done = await start(saying(...says), session, { submission, maxTurns: exit === "turn_limit" ? 1 : 5 });
      expect(done).toMatchObject({ exit, submissionFile: { path: "/scratch/s.csv", sha256: "h" } });
      expect(trajectory.parse(done)).toEqual(done);
      expect(taken).toEqual([["/scratch/s.csv", 7]]);
      expect((await start(saying(answer("1")), session)).submissionFile).toBeNull();
      expect(taken).toHaveLength(1);
    }
    // A trajectory of an older version has no such field.
    const { submissionFile: _, ...older } = await start(
      saying(answer("1")),
      sessionOf(() => ({})),
    );
    expect(trajectory.parse(older)).toEqual(older);
  });

  test("a broken sandbox makes no trajectory", async () => {
    const error = new FailureError("sandbox", "gone");
    const session = sessionOf(() => {
      throw error;
    });
    await expect(start(saying(python("a")), session)).rejects.toBe(error);
  });

  test("an abort ends it before the next request", async () => {
    const stop = new AbortController();
    const model = saying(python("a"), answer("x"));
    const session = sessionOf(() => {
      stop.abort(new Error("stopped"));
      return {};
    });
    await expect(start(model, session, { signal: stop.signal })).rejects.toThrow("stopped");
    expect(model.requests).toHaveLength(1);
  });

  test("one unknown price makes the cost unknown", async () => {
    const model = saying(python("a"), answer("x"));
    const priced: Model = {
      ...model,
      complete: async (request, options) => {
        const completion = await model.complete(request, options);
        return model.requests.length === 1 ? { ...completion, usage: { ...usage, costUsd: null } } : completion;
      },
    };
    expect(
      (
        await start(
          priced,
          sessionOf(() => ({})),
        )
      ).usage.costUsd,
    ).toBeNull();
  });
});
