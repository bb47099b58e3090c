// @ts-check
// Datasets in, examples out, measured by two metrics of our own: one for answers, one for the way to them.
import {
  attempts,
  contentId,
  dedupe,
  defineRun,
  each,
  from,
  metricOf,
  metrics,
  modelConfig,
  options,
  pass,
  propose,
  reference,
  rollouts,
  runShape,
  scaffoldNamed,
  score,
  screen,
  shape,
  toExamples,
  trajectoryMetrics,
  z,
} from "tracemill";

/** @import { Task, Trajectory } from "tracemill" */

const config = z.strictObject({
  ...runShape,
  models: z.strictObject({ proposer: modelConfig, teacher: modelConfig }),
  propose: options.propose,
  vet: z.strictObject({ ...options.dedupe.shape, ...options.reference.shape }).prefault({}),
  rollouts: options.rollouts,
  /** How far a number of the answer may be from the reference's, in percent of it. */
  tolerancePercent: z.number().min(0),
  /** Lines that the longest step of code may have. */
  maxLines: z.number().int().min(1),
});

const pairs = /@(\w+)\[([^\]]*)\]/g;

/** Our answer metric: every `@name[value]` of the reference is in the answer, a number within `percent` of it, a text to the letter. */
const closeEnough = metricOf({
  name: "close_enough",
  version: 1,
  params: z.strictObject({ percent: z.number().min(0) }),
  compare(expected, answer, { percent }) {
    const wanted = [...expected.matchAll(pairs)];
    if (wanted.length === 0) return { unscored: `Expected @name[value] in the reference, got \`${expected}\`` };
    const given = new Map([...answer.matchAll(pairs)].map(([, name, value]) => [name, value ?? ""]));
    for (const [, name, value = ""] of wanted) {
      const got = given.get(name);
      if (got === undefined) return { right: false, why: `${name} is missing` };
      const [number, other] = [Number(value), Number(got)];
      const isClose = Number.isNaN(number)
        ? value.trim() === got.trim()
        : Math.abs(other - number) <= (Math.abs(number) * percent) / 100;
      if (!isClose) return { right: false, why: `${name} is \`${got}\`, not within ${percent} % of \`${value}\`` };
    }
    return { right: true, why: `every value is within ${percent} %` };
  },
});

/**
 * Which metric checks a task stands in the task: this stage puts ours there. The way of checking is a part of what a task is, so the task
 * gets another id, and what was measured under the old one is not mistaken for it.
 * @param {number} percent
 */
function checkedByOurs(percent) {
  return each({
    name: "checked-by-ours",
    /** @param {Task} task */
    run(task) {
      if (task.reference === null) return pass(task); // a question of the user's own may come without an answer
      const reference = { answer: task.reference.answer, metric: closeEnough.name, params: { percent } };
      return pass({ ...task, id: contentId("task", { task: task.id, reference }), reference });
    },
  });
}

/**
 * Our trajectory metric: the lines of the longest step of code.
 * @param {Trajectory} trajectory
 */
function longestStep({ turns }) {
  const lengths = turns.map(({ action }) => (action.kind === "code" ? action.code.trim().split("\n").length : 0));
  const value = Math.max(0, ...lengths);
  return { metric: "longest_step", value, reason: `${value} lines in step ${lengths.indexOf(value) + 1}` };
}

export default defineRun({
  name: "own-metric",
  config,
  target: () => 1,
  async build(asked, run) {
    const scaffold = scaffoldNamed("react");
    const { openSession, prompt } = run;
    return from(run.seeds(asked.propose))
      .through(
        propose({
          ...asked.propose,
          agent: { model: run.model("proposer"), scaffold, maxTurns: asked.propose.maxTurns },
          prompts: { system: await prompt("propose/react.md"), seed: await prompt("propose/seed.md") },
          openSession,
        }),
      )
      .through(shape())
      .through(dedupe(asked.vet))
      .through(reference({ ...asked.vet, openSession }))
      .through(checkedByOurs(asked.tolerancePercent))
      .through(attempts(asked.rollouts.attempts))
      .through(
        rollouts({
          ...asked.rollouts,
          agent: { model: run.model("teacher"), scaffold, maxTurns: asked.rollouts.maxTurns },
          prompts: { system: await prompt("agent/react.md"), task: await prompt("agent/task.md") },
          openSession,
        }),
      )
      .through(score({ metrics: [...metrics, closeEnough], trajectoryMetrics: [...trajectoryMetrics, longestStep] }))
      .through(
        screen({
          bounds: [
            { score: "answer", min: 1, code: "not_close_enough" },
            { score: "longest_step", max: asked.maxLines, code: "long_step" },
          ],
        }),
      )
      .through(toExamples());
  },
});
