import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { Message, Trajectory, Turn } from "../../src/domain/trajectory.ts";
import { recordText } from "../../src/judges/record.ts";
import { grounded } from "../../src/metrics/grounded.ts";
import { metrics } from "../../src/metrics/index.ts";
import { inferReference } from "../../src/metrics/infer.ts";

const folder = new URL("../../../shared/recordings/", import.meta.url);
const absent = !existsSync(folder);

interface Solved {
  readonly task_suite: string;
  readonly task_index_or_id: number;
  readonly messages: Message[];
  readonly answer: string;
  readonly reference: string;
  readonly correct: boolean;
}

function read<T>(name: string): T[] {
  return absent
    ? []
    : readFileSync(new URL(name, folder), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as T);
}

/** The recording as the trajectory it would have been; observations are what stood in <information>. */
function trajectoryOf({ messages, answer }: Solved): Trajectory {
  const turns = messages.flatMap(({ role, content }, index): Turn[] => {
    if (role !== "assistant") return [];
    const observation =
      /^<information>\n([\s\S]*?)\n?<\/information>$/.exec(messages[index + 1]?.content ?? "")?.[1] ?? null;
    return [
      {
        message: index,
        action: react.parse({ text: content, finishReason: "stop" }).action,
        step: null,
        observation,
        finishReason: "stop",
        completionKey: "k",
        ran: null,
        diverged: false,
        transforms: [],
      },
    ];
  });
  const usage = {
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    estimated: false,
    costUsd: null,
  };
  const where = { scaffold: "react", model: "m", backend: "b", environment: "e", image: null, ranOn: [], versions: {} };
  return { id: "t", messages, turns, exit: "submitted", submission: answer, usage, ...where };
}

describe.skipIf(absent)("recorded solutions (skipped where ../shared/recordings is not here)", () => {
  const solved = read<Solved>("react.jsonl");
  const cases = solved.map((record) => [record.task_suite, record.task_index_or_id, record] as const);

  test.each(cases)("%s %s is scored as it was recorded", (suite, _, { answer, reference, correct }) => {
    const asked =
      suite === "qrdata" && /^[\d.]+$/.test(reference)
        ? { answer: reference, metric: "number", params: { relative: 0.03 } }
        : inferReference(reference, suite === "qrdata" ? "Please answer with A, B, C, or D." : "");
    const metric = metrics.find(({ name }) => name === asked.metric);
    expect(metric?.score({ reference: asked, submission: answer }).value).toBe(
      // 0.031 for 0.032 is 3.1 % off: recorded as wrong, like 0.067 for 0.073.
      correct ? 1 : 0,
    );
  });

  test.each(cases)("%s %s: every number of the answer was seen", (_, __, record) => {
    expect(grounded(trajectoryOf(record))).toMatchObject({ value: 1 });
  });

  const lastDigit = /(\d)(?=\D*$)/;
  // A one-digit count stands in nearly any output; an option's letter has no digit.
  const traceable = cases.filter(([, , { answer }]) => /\d\d/.test(answer));

  test.each(traceable)("%s %s: an answer changed in its last digit was not", (_, __, record) => {
    const changed = record.answer.replace(lastDigit, (digit) => String((Number(digit) + 5) % 10));
    expect(changed).not.toBe(record.answer);
    expect(grounded(trajectoryOf({ ...record, answer: changed })).value).toBeLessThan(1);
  });

  test("the judge's record has the recorded shape", () => {
    const verdicts = read<{ task_suite: string; task_index_or_id: number; messages: Message[] }>("verdicts.jsonl");
    expect(verdicts).toHaveLength(6);
    for (const { task_suite, task_index_or_id, messages } of verdicts) {
      const record = solved.find((one) => one.task_suite === task_suite && one.task_index_or_id === task_index_or_id);
      if (record === undefined) throw new Error("Expected the judged record among the solved ones");
      const shown = messages[1]?.content.split("# Record\n")[1]?.replace(/\n\nReview this record\.$/, "");
      const blankLines = /\n{2,}/g;
      expect(recordText(trajectoryOf(record), 1e6).replace(blankLines, "\n").trim()).toBe(
        shown?.replace(blankLines, "\n").trim(),
      );
    }
  });
});
