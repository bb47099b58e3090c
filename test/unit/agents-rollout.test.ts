import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import { type RolloutOptions, rollout } from "../../src/agents/rollout.ts";
import { tools } from "../../src/agents/tools.ts";
import type { ChatRequest, Completion, Model, Session } from "../../src/contracts.ts";
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
function saying(
  ...script: (string | Partial<Completion> | Error)[]
): Model & { requests: ChatRequest[]; samples: number[] } {
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
        text: "",
        reasoning: null,
        finishReason: "stop",
        usage,
        key: `key${requests.length}`,
        remembered: false,
        ...(typeof next === "string" ? { text: next } : next),
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
    scaffold: options.scaffold ?? react,
    session,
    sample: 3,
    maxTurns: options.maxTurns ?? 5,
    signal: options.signal ?? new AbortController().signal,
    submission: options.submission,
    acceptAnswer: options.acceptAnswer,
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

describe("a rollout with native calls", () => {
  const calls = (...codes: string[]): Partial<Completion> => ({
    finishReason: "tool_calls",
    toolCalls: codes.map((code) => ({ id: "same", name: "python", arguments: JSON.stringify({ code }) })),
  });

  test("offers the function, answers each call under an id of its own, and keeps both in the trajectory", async () => {
    const model = saying(
      calls("a"),
      calls("b"),
      { toolCalls: [{ id: "x", name: "search", arguments: "?" }] },
      answer("1"),
    );
    const done = await start(
      model,
      sessionOf(() => ({})),
      { scaffold: tools },
    );
    expect(trajectory.parse(done)).toEqual(done);
    expect(done).toMatchObject({ exit: "submitted", submission: "1", tools: [{ name: "python" }], scaffold: "tools" });
    expect(model.requests.map((request) => request.tools?.map(({ name }) => name))).toEqual(Array(4).fill(["python"]));
    expect(done.messages.slice(2)).toMatchObject([
      { role: "assistant", content: "", toolCalls: [{ id: "same", arguments: '{"code":"a"}' }] },
      { role: "tool", toolCallId: "same", content: "out of a\n\n[4 messages left]" },
      { role: "assistant", toolCalls: [{ id: "call_2", arguments: '{"code":"b"}' }] },
      { role: "tool", toolCallId: "call_2", content: "out of b\n\n[3 messages left]" },
      { role: "assistant", toolCalls: [{ id: "x", name: "search", arguments: '{"code":"?"}' }] },
      { role: "tool", toolCallId: "x", content: expect.stringMatching(/no function `search`.*\[2 messages left\]$/s) },
      { role: "assistant", content: "<answer>1</answer>" },
    ]);
    expect(done.turns.map(({ transforms }) => transforms)).toEqual([[], ["name_call"], ["wrap_arguments"], []]);
  });

  test("an empty id gets one, and several calls become the first", async () => {
    const two = calls("a", "b");
    const model = saying({ ...two, toolCalls: two.toolCalls?.map((call) => ({ ...call, id: "" })) ?? [] }, answer("1"));
    const done = await start(
      model,
      sessionOf(() => ({})),
      { scaffold: tools },
    );
    expect(done.messages[2]?.toolCalls).toEqual([{ id: "call_1", name: "python", arguments: '{"code":"a"}' }]);
    expect(done.messages[3]).toMatchObject({ role: "tool", toolCallId: "call_1" });
    expect(done.turns[0]?.transforms).toEqual(["first_call_only", "name_call"]);
  });

  test("reasoning that the endpoint gives apart is kept beside the message", async () => {
    const done = await start(
      saying({ text: answer("1"), reasoning: "hm" }),
      sessionOf(() => ({})),
      { scaffold: tools },
    );
    expect(done.messages.at(-1)).toEqual({ role: "assistant", content: "<answer>1</answer>", reasoning: "hm" });
  });
});

describe("an answer that a stage cannot read", () => {
  const acceptAnswer = (text: string) => (text.startsWith("[") ? null : "Your answer is no list.");

  test("is refused with its reason, and the agent answers again", async () => {
    const done = await start(
      saying(answer("no"), answer("[1]")),
      sessionOf(() => ({})),
      { acceptAnswer },
    );
    expect(done).toMatchObject({ exit: "submitted", submission: "[1]" });
    expect(done.turns.map(({ action }) => action.kind)).toEqual(["invalid", "answer"]);
    expect(done.messages[3]?.content).toMatch(/^Your answer is no list\..*\[4 messages left\]$/s);
  });

  test("is submitted where it is the last: what it is worth is for the stage to say", async () => {
    const last = await start(
      saying(answer("no")),
      sessionOf(() => ({})),
      { acceptAnswer, maxTurns: 1 },
    );
    expect(last).toMatchObject({ exit: "submitted", submission: "no" });
    const third = await start(
      saying(answer("a"), answer("b"), answer("c")),
      sessionOf(() => ({})),
      { acceptAnswer, maxTurns: 9 },
    );
    expect(third).toMatchObject({ exit: "submitted", submission: "c" });
  });
});

describe("room in the context", () => {
  const output = (code: string) => `${code}${"0123456789\n".repeat(300)}end of ${code}`;
  const wide = () => sessionOf((code) => ({ stdout: { head: output(code), tail: "", droppedBytes: 0 } }));
  const counting = (inputTokens: number, code: string) => ({ text: python(code), usage: { ...usage, inputTokens } });
  const marker = /\[\.\.\. [\d,]+ characters of this output were left out to make room \.\.\.\]/;
  const limited = (model: ReturnType<typeof saying>, contextTokens: number) =>
    Object.assign(model, { contextTokens, tokenLimit: { usual: 500, most: 500 } });

  test("the oldest observations give way before a request would leave no room for its answer, visibly, at once to about half", async () => {
    const script = [
      counting(1000, "a"),
      counting(2500, "b"),
      counting(4000, "c"),
      counting(6000, "d"),
      counting(3000, "e"),
    ];
    const model = limited(saying(...script, answer("1")), 8000);
    const done = await start(model, wide(), { maxTurns: 9 });
    expect(done.exit).toBe("submitted");
    // Before the fifth request: 6,000 counted, and the fourth output with a token for two bytes.
    expect(done.turns.map(({ shortened }) => shortened ?? null)).toEqual([null, null, null, null, [3, 5], null]);
    expect(model.requests[3]?.messages.filter(({ content }) => marker.test(content))).toEqual([]);
    const seen = model.requests[4]?.messages ?? [];
    expect(seen.map(({ content }) => marker.test(content))).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((index) => index === 3 || index === 5),
    );
    expect(seen[3]?.content).toMatch(
      /^<information>\na0123456789[\s\S]*end of a\n<\/information>\n\n\[8 messages left\]$/,
    );
    expect(Buffer.byteLength(seen[3]?.content ?? "")).toBeLessThan(1500);
    expect(done.messages.slice(0, 10)).toEqual(seen);
    // What was judged stays whole.
    expect(done.turns.slice(0, 2).map(({ observation }) => observation)).toEqual([output("a"), output("b")]);
    expect(trajectory.parse(done)).toEqual(done);
  });

  test("a long answer is made room for, however small that leaves the request", async () => {
    const script = [counting(500, "a"), counting(900, "b"), counting(1000, "c"), answer("1")];
    const model = Object.assign(saying(...script), { contextTokens: 8000, tokenLimit: { usual: 6000, most: 6000 } });
    const done = await start(model, wide(), { maxTurns: 9 });
    expect(done.turns.map(({ shortened }) => shortened ?? null)).toEqual([null, null, null, [3]]);
  });

  test("nothing is touched where the size of the context is not known", async () => {
    const model = saying(counting(1e6, "a"), counting(1e6, "b"), counting(1e6, "c"), counting(1e6, "d"), answer("1"));
    const done = await start(model, wide(), { maxTurns: 9 });
    expect(done.turns.filter(({ shortened }) => shortened !== undefined)).toEqual([]);
    expect(done.messages.filter(({ content }) => marker.test(content))).toEqual([]);
  });

  test("an endpoint that says it is too long is asked again with less, twice, and then that is the exit", async () => {
    const overflow = new RejectionError("context_overflow", "too long");
    const begin = ["a", "b", "c", "d"].map((code) => counting(2000, code));
    const once = saying(...begin, overflow, answer("1"));
    const first = await start(once, wide(), { maxTurns: 9 });
    expect(first).toMatchObject({ exit: "submitted" });
    expect(first.turns.at(-1)?.shortened).toEqual([3, 5]);
    expect(once.requests[5]?.messages.filter(({ content }) => marker.test(content))).toHaveLength(2);

    const twice = saying(...begin, overflow, overflow, answer("1"));
    const second = await start(twice, wide(), { maxTurns: 9 });
    expect(second).toMatchObject({ exit: "submitted" });
    expect(second.messages[3]?.content.length).toBeLessThan(first.messages[3]?.content.length ?? 0);

    const often = saying(...begin, overflow, overflow, overflow);
    expect(await start(often, wide(), { maxTurns: 9 })).toMatchObject({ exit: "context_limit", submission: null });
  });

  test("the agent's own messages, the task and the last two observations are never shortened, however full it is", async () => {
    const own = `<reasoning>${"long thought ".repeat(400)}</reasoning><python>b</python>`;
    const model = limited(
      saying(counting(9000, "a"), { text: own, usage: { ...usage, inputTokens: 9000 } }, answer("1")),
      4000,
    );
    const done = await start(model, wide(), { maxTurns: 9 });
    expect(done.turns.filter(({ shortened }) => shortened !== undefined)).toEqual([]);
    expect(model.requests[2]?.messages).toEqual(done.messages.slice(0, 6));
  });

  test("a native call's answer is shortened under its id", async () => {
    const calls = ["a", "b", "c"].map((code, index) => ({
      usage: { ...usage, inputTokens: 9000 },
      toolCalls: [{ id: `id${index}`, name: "python", arguments: JSON.stringify({ code }) }],
    }));
    const done = await start(limited(saying(...calls, answer("1")), 8000), wide(), { maxTurns: 9, scaffold: tools });
    expect(done.messages[3]).toMatchObject({ role: "tool", toolCallId: "id0", content: expect.stringMatching(marker) });
  });
});
