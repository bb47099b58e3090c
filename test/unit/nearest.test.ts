import { expect, test } from "vitest";
import { nearest } from "../../src/domain/nearest.ts";

const names = ["run", "audit", "rollouts", "temperature", "chat-jsonl"];

test.each([
  ["rnu", "run"],
  ["Audit", "audit"],
  ["rollout", "rollouts"],
  ["temprature", "temperature"],
  ["chatjsonl", "chat-jsonl"],
  ["colour", null],
  ["", null],
])("`%s` most likely means %s", (written, meant) => {
  expect(nearest(written, names)).toBe(meant);
});

test("nothing is near in an empty list", () => {
  expect(nearest("run", [])).toBeNull();
});
