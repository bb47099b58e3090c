// @ts-check
// Datasets in, examples out, with two steps of our own: one that looks at each rollout, and one that looks at all of them.
import {
  all,
  attempts,
  dedupe,
  defineRun,
  each,
  from,
  metrics,
  modelConfig,
  options,
  pass,
  propose,
  reference,
  reject,
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

/** @import { Candidate, Rejected } from "tracemill" */

const config = z.strictObject({
  ...runShape,
  models: z.strictObject({ proposer: modelConfig, teacher: modelConfig }),
  propose: options.propose,
  vet: z.strictObject({ ...options.dedupe.shape, ...options.reference.shape }).prefault({}),
  rollouts: options.rollouts,
  /** A fragment of code that no example shall teach, with the words why. */
  avoid: z.array(z.strictObject({ code: z.string().min(1), why: z.string() })),
  /** Examples of each difficulty at most. */
  perDifficulty: z.number().int().min(1),
});

/**
 * Our first stage sees one item at a time: it drops a rollout whose code holds a fragment we would rather not teach.
 * @param {z.output<typeof config>["avoid"]} avoid
 */
function avoidCode(avoid) {
  return each({
    name: "avoid-code",
    /** @param {Candidate} candidate */
    run(candidate) {
      for (const [index, { action }] of candidate.trajectory.turns.entries()) {
        if (action.kind !== "code") continue;
        const found = avoid.find(({ code }) => action.code.includes(code));
        if (found === undefined) continue;
        return reject("avoided_code", `Step ${index + 1} has \`${found.code}\`: ${found.why}`, { code: action.code });
      }
      return pass(candidate);
    },
  });
}

/**
 * Our second stage sees the whole set: it keeps at most so many rollouts of each difficulty, the shortest first. `project` says what
 * the decision needs of an item, and nothing else of it is held in memory.
 * @param {number} most
 */
function balance(most) {
  return all({
    name: "balance",
    /** @param {Candidate} candidate */
    project: ({ id, attempt, trajectory }) => ({
      id,
      difficulty: attempt.task.difficulty,
      turns: trajectory.turns.length,
    }),
    decide(items) {
      return items.map((item) => {
        const better = items.filter(
          (other) =>
            other.difficulty === item.difficulty &&
            (other.turns < item.turns || (other.turns === item.turns && other.id < item.id)),
        );
        return better.length < most
          ? null
          : reject("enough_of_difficulty", `${most} ${item.difficulty} ones are kept without it`, {
              difficulty: item.difficulty,
              turns: item.turns,
              ahead: better.length,
            });
      });
    },
  });
}

export default defineRun({
  name: "own-stage",
  config,
  target: (asked) => asked.perDifficulty,
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
      .through(attempts(asked.rollouts.attempts))
      .through(
        rollouts({
          ...asked.rollouts,
          agent: { model: run.model("teacher"), scaffold, maxTurns: asked.rollouts.maxTurns },
          prompts: { system: await prompt("agent/react.md"), task: await prompt("agent/task.md") },
          openSession,
        }),
      )
      .through(score({ metrics, trajectoryMetrics }))
      .through(screen({ bounds: [{ score: "answer", min: 1, code: "wrong_answer" }] }))
      .through(avoidCode(asked.avoid))
      .through(balance(asked.perDifficulty))
      .through(toExamples());
  },
});
