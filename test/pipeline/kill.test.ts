import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/domain/run.ts";
import { packageRoot } from "../../src/package.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { serveSlowTeacher } from "../kit/slow-teacher.ts";
import { smallRun } from "../kit/small-run.ts";

const preload = join(packageRoot(), "test/kit/kill-at.js");
const chat = "runs/latest/exports/chat.jsonl";
const missing = await sandboxMissing();

describe.skipIf(missing !== null)(`kill -9 at any moment${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  test("then the same command: the same examples, and nothing that was received is paid twice", {
    timeout: 600_000,
  }, async () => {
    await using files = await smallRun();
    const concurrency = 8;
    await using calm = await serveSlowTeacher(120);
    await using shaken = await serveSlowTeacher(120);
    const endpoint = (url: string) => [
      ...["proposer", "teacher", "judge"].flatMap((alias) => [
        `models.${alias}.provider=openai-compatible`,
        `models.${alias}.baseUrl=${url}`,
        `models.${alias}.model=offline-teacher`,
        `models.${alias}.sendsSeed=true`, // so that two samples of one request are two bodies in the log
        `models.${alias}.rememberAs=the-endpoint`, // two ports, one endpoint: no id may differ by the port
        `models.${alias}.concurrency=${concurrency}`,
      ]),
    ];

    // Undisturbed.
    const calmOutput = join(files.folder, "calm");
    const undisturbed = await files.run({ output: calmOutput, set: endpoint(calm.url) });
    expect(undisturbed.code, undisturbed.stderr).toBe(0);
    const expected = await files.exported(calmOutput);
    const moments = drawMoments(await files.events(calmOutput), 24);
    expect(moments.length).toBeGreaterThanOrEqual(20);

    // Killed at one moment after another, each time continued by the same command.
    const shakenOutput = join(files.folder, "shaken");
    let kills = 0;
    let lost = 0;
    for (const moment of moments) {
      const end = await files.run({
        output: shakenOutput,
        set: endpoint(shaken.url),
        preload,
        env: { KILL_AT: moment },
      });
      lost += lostRequests(end.stderr);
      if (end.signal === "SIGKILL") kills += 1;
    }
    expect(kills).toBeGreaterThanOrEqual(20);
    const last = await files.run({ output: shakenOutput, set: endpoint(shaken.url) });
    lost += lostRequests(last.stderr);
    expect(last.code, last.stderr).toBe(0);

    expect(await readFile(join(shakenOutput, chat), "utf8")).toBe(await readFile(join(calmOutput, chat), "utf8"));
    expect(await files.exported(shakenOutput)).toEqual(expected);

    // The endpoint's own log: whatever it answered more than once was in flight at a kill, and was counted as lost.
    const { answered } = shaken;
    const calmAnswered = calm.answered;
    expect(new Set(answered)).toEqual(new Set(calmAnswered));
    const twice = answered.length - new Set(answered).size;
    expect(calmAnswered.length).toBe(new Set(calmAnswered).size);
    console.log(
      `${kills} kills, ${answered.length} requests answered, ${twice} of them twice, ${lost} counted as lost`,
    );
    expect(twice).toBeLessThanOrEqual(lost);
    expect(lost).toBeGreaterThan(0); // or the kills found nothing in flight, and the test shows little
    expect(lost).toBeLessThanOrEqual(kills * concurrency);
  });
});

/** `count` moments over the recorded events, at least two in every stage, in the order in which they happened; seeded by nothing but the events. */
function drawMoments(events: readonly RunEvent[], count: number): string[] {
  const ends = events.flatMap((event, position) => (event.type === "item" ? [{ stage: event.stage, position }] : []));
  const stages = [...new Set(ends.map((end) => end.stage))];
  const perStage = Math.max(2, Math.ceil(count / stages.length));
  const moments = stages.flatMap((stage) => {
    const own = ends.filter((end) => end.stage === stage);
    return Array.from({ length: perStage }, (_, index) => {
      const nth = Math.min(own.length, 1 + Math.floor((own.length * (index + 0.37)) / perStage));
      return { text: `${stage}:${nth}:${index % 2 === 0 ? "before" : "after"}`, at: own[nth - 1]?.position ?? 0 };
    });
  });
  return moments.sort((a, b) => a.at - b.at).map((moment) => moment.text);
}

function lostRequests(stderr: string): number {
  return Number(/^(\d+) requests were under way/m.exec(stderr)?.[1] ?? 0);
}
