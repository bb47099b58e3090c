// Datasets in, supervised fine-tuning examples out.
import {
  accept,
  attempts,
  criteria,
  dedupe,
  defineRun,
  from,
  judge,
  metrics,
  propose,
  reference,
  rollouts,
  rubricJudge,
  scaffoldNamed,
  score,
  screen,
  select,
  shape,
  toExamples,
  trajectoryMetrics,
} from "../src/index.ts";
import { type SftConfig, sftConfig } from "./sft-config.ts";

export default defineRun({
  name: "sft",
  config: sftConfig,
  target: (config: SftConfig) => config.select.target,
  async build(config, run) {
    const scaffold = scaffoldNamed(config.scaffold);
    const { openSession, prompt } = run;
    return from(run.seeds(config.propose))
      .through(
        propose({
          ...config.propose,
          agent: { model: run.model("proposer"), scaffold, maxTurns: config.propose.maxTurns },
          prompts: { system: await prompt(config.prompts.propose), seed: await prompt(config.prompts.seed) },
          openSession,
        }),
      )
      .through(shape())
      .through(dedupe(config.vet))
      .through(reference({ ...config.vet, openSession }))
      .through(attempts(config.rollouts.attempts))
      .through(
        rollouts({
          ...config.rollouts,
          agent: { model: run.model("teacher"), scaffold, maxTurns: config.rollouts.maxTurns },
          prompts: { system: await prompt(config.prompts.agent), task: await prompt(config.prompts.task) },
          openSession,
        }),
      )
      .through(score({ metrics, trajectoryMetrics }))
      .through(
        screen({
          bounds: [
            { score: "answer", min: 1, code: "wrong_answer" },
            { score: "grounded", min: config.screen.grounded, code: "ungrounded" },
            { score: "step_errors", max: config.screen.maxStepErrors, code: "too_many_errors" },
          ],
        }),
      )
      .through(
        judge({
          ...config.judge,
          judge: rubricJudge({
            name: "rubric",
            model: run.model("judge"),
            prompts: { system: await prompt(config.prompts.judge), record: await prompt(config.prompts.record) },
            criteria,
            votes: config.judge.votes,
          }),
        }),
      )
      .through(accept(config.accept))
      .through(select(config.select))
      .through(toExamples());
  },
});
