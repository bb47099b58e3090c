import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { dollars } from "../../src/audit/text.ts";
import { bar } from "../../src/display/bar.ts";
import { frame } from "../../src/display/frame.ts";
import { isUnicode, type Look } from "../../src/display/look.ts";
import { clock, short } from "../../src/display/numbers.ts";
import { snapshot } from "./display-fixture.ts";

const look = (columns: number, rows: number, more: Partial<Look> = {}): Look => ({
  ...{ columns, rows, colour: false, unicode: true, ...more },
});
const esc = "\u001b";

describe("a frame", () => {
  test("of 80 columns and 24 rows shows the funnel and everything around it", () => {
    expect(`\n${frame(snapshot(), look(80, 24)).join("\n")}\n`).toMatchInlineSnapshot(`
      "
      ● running  sft · 20261123T101500Z-8f2c41d0           4m 00s · about 6m 00s left
      █████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   40 %  0 of 100 examples

      stage                                    in  █ pass  ▒ rej  × fail  ▓ now  /min
      propose   █                              10      10      ·       ·      ·     5
      shape     ██████████████▒▒▒             240     200     40       ·      ·   100
      rollouts  ████████████▒×▓░░░░░░░░░░░░░  400     180     12       3     16    90
      judge     ███████████▓░                 180     170      ·       ·      4    85
      examples                                  0       ·      ·       ·      ·     ·

      endpoint                    in flight   sent  failed  tokens in    out     cost
      teacher-large… (paused 4s)          8  1,234       3      1.25M  84.2k    $1.50
      judge-small at judge.exam…          8  1,234       ·      1.25M  84.2k  unknown

      sandboxes  ███░  3 of 4 open · 2 waiting
      rejected   25 leaks_answer (shape) · 15 too_short (shape)
      slowest     3m 12s  rollouts  attempt_3f9c21aa
                      9s  judge     candidate_77aa01bb
      failed     rollouts provider  Expected an answer from 東京,�[2J got HTTP 503  …
                 rollouts sandbox  Expected a sandbox, got no memory  attempt_0002
      "
    `);
  });

  test("of 60 columns and 15 rows keeps the funnel and leaves out what matters least", () => {
    expect(`\n${frame(snapshot(), look(60, 15)).join("\n")}\n`).toMatchInlineSnapshot(`
      "
      ● running  sft · 20261123T101500Z-8f2c41d0      6m 00s left
      █████████████░░░░░░░░░░░░░░░░░░░░   40 %  0 of 100 examples
      stage                      in  █ pass  ▒ rej  × fail  ▓ now
      propose   █                10      10      ·       ·      ·
      shape     ███████▒        240     200     40       ·      ·
      rollouts  █████▒×▓░░░░░░  400     180     12       3     16
      judge     ████▓░          180     170      ·       ·      4
      examples                    0       ·      ·       ·      ·
      endpoint               now   sent  tok in  tok out     cost
      teacher-… (paused 4s)    8  1,234   1.25M    84.2k    $1.50
      judge-small at judge…    8  1,234   1.25M    84.2k  unknown
      sandboxes  ███░  3 of 4 open · 2 waiting
      slowest     3m 12s  rollouts  attempt_3f9c21aa
      failed     rollouts provider  Expected an answer from 東京…
      "
    `);
  });

  test("of 170 columns puts the lists beside the funnel", () => {
    expect(`\n${frame(snapshot(), look(170, 24)).join("\n")}\n`).toMatchInlineSnapshot(`
      "
      ● running  sft · 20261123T101500Z-8f2c41d0                                4m 00s · about 6m 00s left   rejected
      ████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   40 %  0 of 100 examples                 25  leaks_answer  shape
                                                                                                             15  too_short  shape
      stage                              in  █ passed  ▒ rejected  × failed  ▓ working  ░ waiting  per min   12  turn_limit  rollouts
      propose   █                        10        10           ·         ·          ·          ·        5
      shape     ██████████▒▒            240       200          40         ·          ·          ·      100   slowest
      rollouts  ████████▒×▓░░░░░░░░░    400       180          12         3         16        189       90    3m 12s  rollouts  attempt_3f9c21aa
      judge     ███████▓░               180       170           ·         ·          4          6       85        9s  judge     candidate_77aa01bb
      examples                            0         ·           ·         ·          ·          ·        ·
                                                                                                             last failures
      endpoint                                         in flight   sent  failed  tokens in    out     cost   rollouts provider  Expected an answer from 東京,�[2J got HTTP 503…
      teacher-large at api.example.com/v1 (paused 4s)          8  1,234       3      1.25M  84.2k    $1.50   rollouts sandbox  Expected a sandbox, got no memory  attempt_0002
      judge-small at judge.example.com/v1                      8  1,234       ·      1.25M  84.2k  unknown

      sandboxes  ███░  3 of 4 open · 2 waiting
      "
    `);
  });

  test("of a terminal with ASCII only has nothing else in it", () => {
    const lines = frame(snapshot(), look(100, 30, { unicode: false }));
    expect(`\n${lines.join("\n")}\n`).toMatchInlineSnapshot(`
      "
      * running  sft, 20261123T101500Z-8f2c41d0                                 4m 00s, about 6m 00s left
      ########################....................................   40 %  0 of 100 examples

      stage                             in  # passed  - rejected  ! failed  > working  . waiting  per min
      propose   #                       10        10           -         -          -          -        5
      shape     #########--            240       200          40         -          -          -      100
      rollouts  ########-!>........    400       180          12         3         16        189       90
      judge     #######>.              180       170           -         -          4          6       85
      examples                           0         -           -         -          -          -        -

      endpoint                                        in flight   sent  failed  tokens in    out     cost
      teacher-large at api.example.co... (paused 4s)          8  1,234       3      1.25M  84.2k    $1.50
      judge-small at judge.example.com/v1                     8  1,234       -      1.25M  84.2k  unknown

      sandboxes  ###.  3 of 4 open, 2 waiting
      rejected   25 leaks_answer (shape), 15 too_short (shape), 12 turn_limit (rollouts)
      slowest     3m 12s  rollouts  attempt_3f9c21aa
                      9s  judge     candidate_77aa01bb
      failed     rollouts provider  Expected an answer from ??,?[2J got HTTP 503  attempt_0001
                 rollouts sandbox  Expected a sandbox, got no memory  attempt_0002
      "
    `);
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]*$/);
  });

  test("of a failure after several tries shows what the last one ended with, not the words that all share", () => {
    const message = "Expected an answer from model `teacher`, got none in 6 tries; the last ended with: 503 overloaded";
    const failures = [{ stage: "rollouts", id: "attempt_0001", kind: "provider", message }];
    expect(frame(snapshot({ failures }), look(80, 40)).join("\n")).toContain(
      "failed     rollouts provider  503 overloaded  attempt_0001",
    );
  });

  test("of an endpoint that is a program says so without calling it an address", () => {
    const [endpoint] = snapshot().endpoints;
    if (endpoint === undefined) throw new Error("Expected an endpoint in the fixture");
    const program = { ...endpoint, model: "offline-teacher", endpoint: "a program, not an LLM (version 2)" };
    expect(frame(snapshot({ endpoints: [program] }), look(120, 40)).join("\n")).toContain("offline-teacher, a program");
  });

  test("of four rows folds the funnel to the stage at work", () => {
    expect(`\n${frame(snapshot(), look(80, 5)).join("\n")}\n`).toMatchInlineSnapshot(`
      "
      ● running  sft · 20261123T101500Z-8f2c41d0           4m 00s · about 6m 00s left
      rollouts  ████████████▒×▓░░░░░░░░░░░░░  400     180     12       3     16    90
      judge     ███████████▓░                 180     170      ·       ·      4    85
      … 3 more stages
      "
    `);
  });
});

const sizes = [1, 20, 60, 80, 149, 152, 300].flatMap((columns) =>
  [1, 2, 6, 15, 24, 1000].map((rows) => [columns, rows] as const),
);

test.each(sizes)("at %i columns and %i rows no line is too wide and no frame too high", (columns, rows) => {
  for (const colour of [false, true]) {
    for (const unicode of [false, true]) {
      const lines = frame(snapshot(), look(columns, rows, { colour, unicode }));
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
    }
  }
});

test("colour changes no character but those of the bars, and no colour means no escape sequence", () => {
  const plain = frame(snapshot(), look(120, 40)).join("\n");
  const coloured = frame(snapshot(), look(120, 40, { colour: true })).join("\n");
  expect(plain).not.toContain(esc);
  expect(coloured).toContain(`${esc}[32m`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken out
  const letters = (text: string) => text.replace(/\x1b\[\d+m/g, "").replace(/[^\x20-\x7e\n]| {2,}/g, "");
  for (const word of letters(plain).split(/\s+/)) expect(letters(coloured)).toContain(word);
});

test("text from elsewhere brings no escape sequence and no line break into a frame", () => {
  const bad = { stage: "rollouts", id: "a\nb", kind: "provider", message: "one\ntwo\u001b[31mthree\rfour" };
  for (const columns of [80, 200]) {
    const text = frame(snapshot({ failures: [bad] }), look(columns, 40)).join("|");
    expect(text).toContain("one two");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect(text).not.toMatch(/[\x00-\x1f]/);
  }
});

test("a word for the state stands in place of the snapshot's own", () => {
  expect(frame(snapshot(), look(80, 24), { state: { word: "dead", style: "red" } })[0]).toMatch(/^✖ dead {2}sft/);
});

test("a budget and an unknown time left are said as they are", () => {
  const budget = [{ scope: "run", unit: "usd" as const, spent: 1.5, limit: 20 }];
  const lines = frame(snapshot({ budget, secondsLeft: null }), look(100, 30)).join("\n");
  expect(lines).toContain("$1.50 of $20.00");
  expect(lines).not.toContain("left");
  expect(lines.split("\n")[1]).not.toMatch(/\d %/);
});

test("a bar's cells add up to its share of the whole, and a small part is seen", () => {
  const parts = [980, 1, 19].map((amount, index) => ({ amount, sign: "abc"[index] as string, style: "dim" as const }));
  const text = (whole: number, width: number) =>
    bar(parts, whole, width)
      .map((span) => span.text)
      .join("");
  expect(text(1000, 20)).toBe(`${"a".repeat(18)}bc`);
  expect(text(2000, 20)).toBe(`${"a".repeat(8)}bc`);
  expect(text(1_000_000, 20)).toBe("abc");
  expect(text(1000, 2)).toBe("ab");
  expect(text(0, 20)).toBe("");
});

test.each([
  [{}, false],
  [{ LANG: "C.UTF-8" }, true],
  [{ LANG: "de_DE.utf8" }, true],
  [{ LANG: "C.UTF-8", LC_ALL: "C" }, false],
  [{ LANG: "C", LC_CTYPE: "en_US.UTF-8" }, true],
  [{ LANG: "en_US.ISO-8859-1" }, false],
])("the locale %j shows more than ASCII: %s", (env, expected) => {
  expect(isUnicode(env, "linux")).toBe(expected);
});

test("numbers keep to a few characters", () => {
  expect([0, 999, 9999, 10_000, 12_345, 99_950, 123_456, 999_500, 1_234_567, 5e9].map(short)).toEqual([
    ...["0", "999", "9999", "10.0k", "12.3k", "100k", "123k", "1.00M", "1.23M", "5.00G"],
  ]);
  expect([0, 0.004, 1.5, null].map(dollars)).toEqual(["$0.00", "$0.004", "$1.50", "unknown"]);
  expect([0, 59.4, 59.6, 185, 7620].map(clock)).toEqual(["0s", "59s", "1m 00s", "3m 05s", "2h 07m"]);
});

test("every limit of a budget has its bar, and money stands by example and by stage, at every width", () => {
  const line = {
    model: "teacher",
    sent: 1,
    failed: 0,
    remembered: 0,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    estimated: 0,
  };
  const tokens = { inputTokens: 1, outputTokens: 1 };
  const spend = [
    { ...line, ...tokens, stage: "rollouts", costUsd: 1.5, rememberedUsd: 0.5 },
    { ...line, ...tokens, stage: "judge", costUsd: 3, rememberedUsd: 0 },
  ];
  const budget = [
    { scope: "run", unit: "usd" as const, spent: 4.5, limit: 5 },
    { scope: "rollouts", unit: "requests" as const, spent: 300, limit: 300 },
  ];
  const shown = frame(snapshot({ spend, budget, examples: 10 }), look(120, 40)).join("\n");
  expect(shown).toMatch(/cost +\$4\.50 now.*\$5\.00 in all.*\$0\.50 an example.*judge \$3\.00.*rollouts \$2\.00/);
  expect(shown).toMatch(/budget .* 90 % {2}\$4\.50 of \$5\.00/);
  expect(shown).toMatch(/100 % {2}300 of 300 requests \(rollouts\)/);
  const unpriced = [{ ...line, ...tokens, stage: "judge", costUsd: null, rememberedUsd: 0 }];
  expect(frame(snapshot({ spend: unpriced, examples: 10 }), look(120, 40)).join("\n")).toMatch(
    /^cost +unknown now.*unknown in all.*unknown an example.*judge unknown/m,
  );
  expect(dollars(4e-7)).toBe("<$0.000001");
  for (let columns = 20; columns <= 200; columns += 9) {
    for (const drawn of frame(snapshot({ spend, budget, examples: 10 }), look(columns, 40))) {
      expect(stringWidth(drawn)).toBeLessThan(columns);
    }
  }
});
