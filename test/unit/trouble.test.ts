import { expect, test } from "vitest";
import { FailureError } from "../../src/domain/errors.ts";
import { stopOnTrouble } from "../../src/run/trouble.ts";

function failing(interrupted: AbortSignal) {
  const said: string[] = [];
  const trouble = stopOnTrouble(0.5, { say: (line) => said.push(line), interrupted });
  for (let index = 0; index < 40; index++)
    trouble.tried("judge", new FailureError("provider", `got 500, try ${index}.`));
  return { said, isStopped: trouble.signal.aborted, sentence: trouble.sentence() };
}

test("the first trouble is told once and stops the run, with what to check", () => {
  const { said, isStopped, sentence } = failing(new AbortController().signal);
  expect(said).toEqual(["Draining: 20 of the last 20 items of judge failed. Nothing new starts."]);
  expect(isStopped).toBe(true);
  expect(sentence).toMatch(
    /^Stopped early: 20 of the last 20 items of stage `judge` failed .* got 500, try 19\. Check that the endpoint runs/,
  );
});

test("what fails after somebody interrupted the run is no trouble: the run ends as interrupted", () => {
  expect(failing(AbortSignal.abort())).toEqual({ said: [], isStopped: false, sentence: null });
});
