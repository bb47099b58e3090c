import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readSummary } from "../../src/archive/run-folder.ts";
import { auditPage } from "../../src/audit/audit-page.ts";
import { storyPage } from "../../src/audit/story-page.ts";
import { auditRun } from "../../src/commands/audit.ts";
import { tellStory } from "../../src/commands/why.ts";
import { UsageError } from "../../src/domain/errors.ts";
import { sha256 } from "../../src/domain/hash.ts";
import { blobPath, openBlobs } from "../../src/engine/blobs.ts";
import { lines, runEvents, summary, writeRun } from "./audit-fixture.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function fixture(options: Parameters<typeof writeRun>[0] = {}) {
  const { folder, remove } = await writeRun(options);
  cleanups.push(remove);
  return folder;
}

const now = new Date("2026-11-23T10:16:00.000Z");
const page = async (options: Parameters<typeof writeRun>[0], samples = 0) =>
  auditPage(await auditRun(await fixture(options), { samples }), { now, flags: "" });

describe("audit", () => {
  test("a sample that failed is owed, not dropped", async () => {
    const owed = await auditRun(await fixture({}), { samples: 3, stage: "reference", reason: "sandbox" });
    expect(auditPage(owed, { now, flags: "" })).toMatch(/why 20261123T101500Z-01234567 query_b200 +why it is owed/);
  });

  test("the command to go on with is the one that was typed, quoted for a shell; none where nothing is left to do", async () => {
    const argv = ["run", "my data.yaml", "--limit", "3", "--set", "export.title=It's mine", "--output", "elsewhere"];
    expect(await page({ argv })).toContain(
      "npx tracemill run 'my data.yaml' --limit 3 --set 'export.title=It'\\''s mine' --output elsewhere ",
    );
    for (const status of ["short", "done"] as const) {
      expect(await page({ argv, summary: { ...summary, status } })).not.toContain("go on with");
    }
  });

  test("prints the funnel, samples with their evidence, and what to run next", async () => {
    expect(await page({}, 3)).toMatchInlineSnapshot(`
      "Run 20261123T101500Z-01234567 (sft, configs/quickstart.yaml)
      Status: ended with items owed (infrastructure failed), so its exports are provisional: the same command tries them again, after 2 min 05 s
      Yield: 3 queries -> 1 example (33.3 %)
      Line:  1 seed -> 3 queries -> 1 task -> 3 attempts -> 2 trajectories -> 1 example
      Spent: 1,234 requests sent, 5 remembered, 1 failed, 0 lost; 50,000 tokens in, 7,000 out; no price known

      stage      in  passed  rejected  failed  pending  out  passed of in
      propose     1       1         0       0        0    3  ████████████████████ 100.0 %
      shape       3       2         1       0        0    2  █████████████░░░░░░░ 66.7 %
          - 1  33.3 %  question_short
      reference   2       1         0       1        0    1  ██████████░░░░░░░░░░ 50.0 %
          - 1  50.0 %  sandbox (owed)
      attempts    1       1         0       0        0    3  ████████████████████ 100.0 %
      rollouts    3       2         0       0        1    2  █████████████░░░░░░░ 66.7 %
      score       2       1         1       0        0    1  ██████████░░░░░░░░░░ 50.0 %
          - 1  50.0 %  answer_differs
      select      1       1         0       0        0    1  ████████████████████ 100.0 %
      examples    1       1         0       0        0    1  ████████████████████ 100.0 %

      Notes
        1 request was lost in the last run

      Kept, for example

        trajectory_a000  passed examples
          question  What is the mean horsepower of cars from Japan?�[31m
          reference 79.84
          answer    79.84

      Dropped or owed, for example

        query_b100  rejected at shape: question_short
          question  What is the mean horsepower of cars from Japan?�[31m
          reference 79.84
          why       The question has 3 words, at least 5 are asked for
          evidence  {"words":3,"text":"a b"}

        query_b200  failed at reference: sandbox
          question  What is the mean horsepower of cars from Japan?�[31m
          reference 79.84
          why       The sandbox could not be started

        trajectory_a100  rejected at score: answer_differs
          question  What is the mean horsepower of cars from Japan?�[31m
          reference 79.84
          answer    80
          why       Expected \`79.84\`, got \`80\`
          evidence  {"expected":"79.84","got":"80"}

      Next
        npx tracemill why 20261123T101500Z-01234567 trajectory_a000                                       why it was kept
        npx tracemill why 20261123T101500Z-01234567 query_b100                                            why it was dropped
        npx tracemill audit 20261123T101500Z-01234567 --stage shape --reason question_short --samples 10  more of the commonest reason
        npx tracemill waive 20261123T101500Z-01234567 --list                                              what is owed, and how to do without it
        npx tracemill run configs/quickstart.yaml                                                         go on with what is owed or pending
      "
    `);
  });

  test("finds nothing to complain about where events and summary agree", async () => {
    expect((await auditRun(await fixture(), { samples: 0 })).problems).toEqual([]);
  });

  test("says where events and summary disagree", async () => {
    const funnel = summary.funnel.map((row) =>
      row.stage === "score" ? { ...row, in: 3, rejected: 2, reasons: { answer_differs: 1, other: 1 } } : row,
    );
    const text = await page({ summary: { ...summary, funnel } });
    expect(text).toContain("The account does not agree with itself");
    expect(text).toContain("! `score`: events.jsonl has 2 in, summary.json says 3");
    expect(text).toContain("! `score`: events.jsonl has 1 rejected, summary.json says 2");
    expect(text).toContain("! `score`: events.jsonl has 0 of reason `other`, summary.json says 1");
  });

  test("says where a summary does not add up in itself", async () => {
    const funnel = summary.funnel.map((row) => (row.stage === "rollouts" ? { ...row, pending: 0 } : row));
    expect(await page({ summary: { ...summary, funnel } })).toContain(
      "! `rollouts`: summary.json says 3 came in, but its ends and pending add up to 2",
    );
  });

  test("says where more items ended in a stage than came in", async () => {
    const doubled = runEvents().flatMap((event) =>
      event.type === "item" && event.stage === "select" ? [event, { ...event, id: "trajectory_a999" }] : [event],
    );
    expect(await page({ events: lines(doubled), summary: null })).toContain(
      "! `select`: 2 items ended, but only 1 came in",
    );
  });

  test("tells of a run without a summary what is known so far, and lists the stages nothing reached", async () => {
    const events = lines(runEvents().slice(0, 9));
    const text = await page({ events, summary: null });
    expect(text).toContain(
      "Status: no summary.json: it is still running, or it died (last event 2026-11-23T10:15:07.000Z, 53 s ago)",
    );
    expect(text).toMatch(/^rollouts +3 +1 +0 +0 +2 +1 /m);
    expect(text).toMatch(/^score +1 +0 +0 +0 +1 +0 /m);
    expect(text).toMatch(/^examples +0 /m);
    expect(text).not.toContain("Yield");
    expect(text).toContain("tracemill run configs/quickstart.yaml");
  });

  test("reads a run whose last line a kill cut short as if that line were not there", async () => {
    const whole = lines(runEvents().slice(0, 12));
    const torn = await auditRun(
      await fixture({ events: whole + lines(runEvents().slice(12)).slice(0, 40), summary: null }),
      {
        samples: 0,
      },
    );
    const cut = await auditRun(await fixture({ events: whole, summary: null }), { samples: 0 });
    expect(torn).toEqual(cut);
    expect(torn.funnel.find((row) => row.stage === "score")?.pending).toBe(0);
  });

  test("tells of a run that died before its first event", async () => {
    const folder = await fixture({ summary: null });
    await rm(folder.eventsPath);
    await rm(folder.manifestPath);
    const text = auditPage(await auditRun(folder, { samples: 3 }), { now, flags: "" });
    expect(text).toContain("(no event yet)");
    expect(text).toContain("No item has ended in any stage yet.");
  });

  test("still shows ids and evidence where the store is gone", async () => {
    const audit = await auditRun(await fixture({ store: false }), { samples: 1 });
    expect(audit.samples.map((sample) => [sample.id, sample.question])).toEqual([
      ["query_b100", null],
      ["query_b200", null],
      ["trajectory_a100", null],
      ["trajectory_a000", null],
    ]);
  });

  test("takes the same samples in whatever order items ended, at most as many as asked", async () => {
    const many = Array.from({ length: 20 }, (_, index) => ({
      ...{ type: "item", at: "2026-11-23T10:15:00.000Z", stage: "shape", outcome: "rejected", code: "malformed" },
      id: `query_${String((index * 7) % 20).padStart(2, "0")}`,
    }));
    for (const events of [many, many.toReversed()]) {
      const audit = await auditRun(await fixture({ events: lines(events), summary: null }), { samples: 2 });
      expect(audit.samples.map((sample) => sample.id)).toEqual(["query_00", "query_01"]);
    }
  });

  test("shows the samples of one stage and one reason", async () => {
    const folder = await fixture();
    const idsOf = async (options: { stage?: string; reason?: string }) =>
      (await auditRun(folder, { samples: 3, ...options })).samples.map((sample) => sample.id);
    expect(await idsOf({ stage: "shape" })).toEqual(["query_b000", "query_b200", "query_b100"]);
    expect(await idsOf({ reason: "sandbox" })).toEqual(["query_b200"]);
    expect(await idsOf({ stage: "score", reason: "answer_differs" })).toEqual(["trajectory_a100"]);
  });

  test("refuses a stage or reason that is not there, naming those that are", async () => {
    const folder = await fixture();
    await expect(auditRun(folder, { samples: 1, stage: "scores" })).rejects.toThrow(
      "Expected --stage to be one of propose, shape, reference, attempts, rollouts, score, select, examples, got `scores`",
    );
    await expect(auditRun(folder, { samples: 1, reason: "typo" })).rejects.toThrow(
      "Expected --reason to be one of question_short, sandbox, answer_differs, got `typo`",
    );
  });

  test("shows no control character of a model's text", async () => {
    expect(await page({}, 3)).not.toContain("\u001b");
  });
});

describe("why", () => {
  const why = async (id: string, options: { full?: boolean } & Parameters<typeof writeRun>[0] = {}) =>
    storyPage(await tellStory(await fixture(options), id), { full: options.full ?? false });

  test("tells an example's story from its seed to its line in the exports", async () => {
    expect(await why("example_f000")).toMatchInlineSnapshot(`
      "example_f000 in run 20261123T101500Z-01234567
      End: made by examples, the end of the line

      Question
        dataset     cars (dataset_cc)
        difficulty  easy
        question    What is the mean horsepower of cars from Japan?�[31m
        constraints Ignore missing values.
        answer as   A number with two decimals.
        reference   79.84  (checked by answer_match {"tolerance":0.01})
        answer      79.84

      Reference code
        import pandas as pd
        print(1)

      Decisions
        seed_aa00
          propose    passed, became 3 queries, one of them query_b000
        query_b000
          shape      passed
          reference  passed, became task_d000
        task_d000
          attempts   passed, became 3 attempts, one of them attempt_e000
        attempt_e000
          rollouts   passed, became trajectory_a000
        trajectory_a000
          score      passed
          select     passed
          examples   passed, became example_f000

      Scores
        answer_match  1  compared as numbers

      Judge offline, 2 votes
        rigour: 0.75 (votes 0.5, 1)
          lowest vote: worth 0.5
          quoting: print

      Transcript: 2 turns, exit submitted; model teacher, scaffold react, sandbox bubblewrap; 1,500 tokens in (0 cached), 120 out (0 reasoning); no price known
        ran on bubblewrap (bubblewrap 0.8.0), kernel 6.1.0
        with python 3.11.2, pandas 1.5.3
        turn 1: code
          Look at the data.
          > print("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx … (109 more characters)
          [ok, 12 ms]
          (cpu 10 ms; peak 120 MB; before it: opening 210 ms, imports 35 ms)
          < 79.836
        turn 2: answer
          = 79.84

      Written to
        train.jsonl line 2 (example_f000)
          {"messages":["second"]}
        train.parquet line 2 (example_f000)

      Long passages are cut: \`npx tracemill why\` shows them whole with --full, and everything with --json.
      "
    `);
  });

  test("shows the calls of a turn, those that were not understood included, what was repaired and what gave way", async () => {
    const story = await tellStory(await fixture(), "example_f000");
    const { candidate } = story.portrait;
    if (!candidate) throw new Error("Expected a candidate");
    const call = { id: "a", name: "se\u001b[31march", arguments: '{"code":"what?"}' };
    const turn = { ...candidate.trajectory.turns[0], transforms: ["rename_tool", "wrap_arguments"], shortened: [3] };
    candidate.trajectory = {
      ...candidate.trajectory,
      messages: [
        { role: "user", content: "q" },
        { role: "assistant", content: "", toolCalls: [call] },
      ],
      turns: [
        { ...turn, action: { kind: "invalid", reasoning: "", why: "No such function." } },
      ] as typeof candidate.trajectory.turns,
    };
    const text = storyPage(story, { full: false });
    expect(text).toContain(
      "  turn 1: invalid (call of se\ufffd[31march; 1 earlier output shortened before it; read with rename_tool, wrap_arguments)\n" +
        '    > {"code":"what?"}\n    ! No such function.\n',
    );
  });

  test("shows where a step's pictures lie, and says so where their bytes are missing or damaged", async () => {
    const sizes = { bytes: 10_300, width: 547, height: 453 };
    const known = { kept: sha256("plot"), missing: sha256("gone"), damaged: sha256("other") };
    const pictures = Object.values(known).map((hash) => ({ sha256: hash, ...sizes }));
    const folder = await fixture({ pictures });
    const blobs = join(dirname(folder.storePath), "blobs");
    await openBlobs(blobs).put(Buffer.from("plot"));
    await openBlobs(blobs).put(Buffer.from("other"));
    await writeFile(blobPath(blobs, known.damaged), "rotten");
    const text = storyPage(await tellStory(folder, "example_f000"), { full: false });
    expect(text).toContain(`    [picture of 547 x 453 pixels, 10.3 kB: ${blobPath(blobs, known.kept)}]\n`);
    expect(text).toContain(`10.3 kB: its bytes are not in the store any more (${known.missing})]`);
    expect(text).toContain(`10.3 kB: its bytes are damaged (${known.damaged})]`);
  });

  test("names the fallback that answered a turn or gave a vote, and what was done until a review could be read", async () => {
    const servedBy = { endpoint: "https://other.example/v1", model: "other-model" };
    const story = await tellStory(await fixture({}), "example_f000");
    const { candidate } = story.portrait;
    for (const turn of candidate?.trajectory.turns.slice(1) ?? []) turn.servedBy = servedBy;
    for (const vote of candidate?.verdict?.votes.slice(1) ?? []) {
      vote.servedBy = servedBy;
      vote.repairs = ["raised_token_limit: 1024 -> 2048"];
    }
    const text = storyPage(story, { full: false });
    const words = "(answered by the fallback other-model at https://other.example/v1)";
    expect(text).toContain(`  turn 1: code\n`);
    expect(text).toContain(`  turn 2: answer ${words}\n`);
    expect(text).toContain(`  repaired before reading: raised_token_limit: 1024 -> 2048\n  vote 2 ${words}\n`);
  });

  test("tells what was done until a proposal could be read", async () => {
    const story = await tellStory(await fixture({}), "example_f000");
    const { portrait } = story;
    if (portrait.query === undefined) throw new Error("Expected the fixture to hold the query");
    portrait.query.repairs = ["asked_again: it was no list", "jsonrepair"];
    expect(storyPage(story, { full: false })).toContain("  read after  asked_again: it was no list, jsonrepair\n");
  });

  test("tells why a candidate was rejected, with the evidence", async () => {
    const text = await why("trajectory_a100");
    expect(text).toContain("End: rejected at score: answer_differs\n");
    expect(text).toContain("      Expected `79.84`, got `80`\n      evidence: {\n");
    expect(text).toContain("  answer      80\n");
  });

  test("tells what became of a query", async () => {
    const text = await why("query_b000");
    expect(text.slice(text.indexOf("Became"), text.indexOf("Written to"))).toMatchInlineSnapshot(`
      "Became
        task_d000        passed attempts, became attempt_e000, attempt_e100, attempt_e200
        attempt_e000     passed rollouts, became trajectory_a000
        attempt_e100     passed rollouts, became trajectory_a100
        attempt_e200     made by attempts, not ended at rollouts yet
        trajectory_a000  passed examples, became example_f000
        trajectory_a100  rejected at score: answer_differs
        example_f000     made by examples, the end of the line

      "
    `);
  });

  test("tells what an item waits for in a run that died", async () => {
    const text = await why("attempt_e200", { summary: null });
    expect(text).toContain("End: made by attempts, not ended at rollouts yet");
    const cut = await why("trajectory_a000", { summary: null, events: lines(runEvents().slice(0, 11)) });
    expect(cut).toContain("End: passed score, not ended at select yet");
  });

  test("tells that an item is owed", async () => {
    expect(await why("query_b200")).toContain("End: failed at reference: sandbox\n");
  });

  test("cuts long passages unless asked for them whole", async () => {
    const code = "x".repeat(700);
    expect(await why("trajectory_a000")).not.toContain(code);
    expect(await why("trajectory_a000", { full: true })).toContain(code);
  });

  test("takes a unique prefix, with or without the kind", async () => {
    for (const prefix of ["example_f", "f000", "example_"]) expect(await why(prefix)).toContain("example_f000 in run");
  });

  test("refuses a prefix that several ids share, naming them", async () => {
    await expect(why("query_b")).rejects.toThrow(
      "Expected the id of one item, got `query_b`, which begins several: query_b000, query_b100, query_b200",
    );
    await expect(why("query_b")).rejects.toThrow(UsageError);
  });

  test("names the nearest ids for one that is not there", async () => {
    await expect(why("query_b00f")).rejects.toThrow(/got `query_b00f`\. The nearest are: query_b000, /);
    await expect(why("query_b000", { events: lines(runEvents().slice(0, 1)) })).rejects.toThrow(
      "No item has ended in this run yet",
    );
  });

  test("says which bodies are not in the store any more and tells the rest", async () => {
    const text = await why("example_f000", { store: false });
    expect(text).toContain("Not in the store any more: query_b000, task_d000, trajectory_a000, example_f000");
    expect(text).toContain("passed, became example_f000");
  });

  test("finds the line of an export also where a text before it holds U+2028", async () => {
    const { exported } = await tellStory(await fixture(), "query_b000");
    expect(exported).toEqual([
      { id: "example_f000", file: "train.jsonl", line: 2, text: '{"messages":["second"]}' },
      { id: "example_f000", file: "train.parquet", line: 2, text: null },
    ]);
  });

  test("tells the story also where nothing was exported", async () => {
    const folder = await fixture();
    await rm(folder.examplesPath);
    await rm(folder.exportsPath, { recursive: true });
    expect((await tellStory(folder, "example_f000")).exported).toEqual([]);
  });
});

test("a summary with a field of the wrong type is refused with its name", async () => {
  const folder = await fixture();
  await writeFile(folder.summaryPath, JSON.stringify({ ...summary, examples: "1" }));
  await expect(readSummary(folder)).rejects.toThrow(/examples/);
});
