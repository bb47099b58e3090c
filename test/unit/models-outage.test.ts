import { describe, expect, test } from "vitest";
import { createOutage } from "../../src/models/outage.ts";

const policy = { attempts: 6, firstWaitSeconds: 1, maxWaitSeconds: 60, totalSeconds: 900 };

describe("an endpoint", () => {
  /** Plays `a`nswered and `u`nanswered at these seconds, then looks at `at`. */
  function hopeless(plays: readonly [number, "a" | "u"][], at: number): boolean {
    let seconds = 0;
    const outage = createOutage(() => seconds * 1000);
    for (const [when, what] of plays) {
      seconds = when;
      if (what === "a") outage.answered();
      else outage.unanswered();
    }
    seconds = at;
    return outage.isHopeless(policy);
  }

  test.each<[string, readonly [number, "a" | "u"][], number, boolean]>([
    ["nobody has asked is not given up", [], 10_000, false],
    [
      "that has failed for a minute is not given up",
      [
        [0, "u"],
        [60, "u"],
      ],
      61,
      false,
    ],
    [
      "that nobody had an answer from for its whole patience is given up",
      [
        [0, "u"],
        [500, "u"],
        [900, "u"],
      ],
      901,
      true,
    ],
    [
      "that answered in between is not given up",
      [
        [0, "u"],
        [899, "a"],
        [900, "u"],
      ],
      901,
      false,
    ],
    [
      "that was left alone since is asked again",
      [
        [0, "u"],
        [900, "u"],
      ],
      961,
      false,
    ],
    [
      "that failed that look too is given up again",
      [
        [0, "u"],
        [900, "u"],
        [961, "u"],
      ],
      962,
      true,
    ],
    ["that failed once long ago is asked again", [[0, "u"]], 5_000, false],
  ])("%s", (_what, plays, at, expected) => {
    expect(hopeless(plays, at)).toBe(expected);
  });
});
