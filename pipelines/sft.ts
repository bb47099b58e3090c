// Datasets in, supervised fine-tuning examples out.
import {
  accept,
  agreement,
  attempts,
  criteria,
  defineRun,
  fileMetrics,
  judge,
  metrics,
  rollouts,
  rubricJudge,
  scaffoldNamed,
  score,
  screen,
  select,
  toExamples,
  trajectoryMetrics,
} from "../src/index.ts";
import { type SftConfig, sftConfig, systemPrompts } from "./sft-config.ts";
import { sftExpects } from "./sft-expects.ts";
import { sftTasks } from "./sft-tasks.ts";

export default defineRun({
  name: "sft",
  about: "datasets (or your own questions about them) to supervised fine-tuning examples",
  config: sftConfig,
  target: (config: SftConfig) => config.select.target,
  expects: sftExpects,
  async build(config, run) {
    const { prompt } = run;
    const tasks = await sftTasks(config, run);
    const scored = tasks
      .through(attempts(config.rollouts.attempts))
      .through(
        rollouts({
          ...config.rollouts,
          agent: {
            model: run.model("teacher"),
            scaffold: scaffoldNamed(config.scaffold),
            maxTurns: config.rollouts.maxTurns,
          },
          prompts: {
            system: await prompt(systemPrompts(config).agent),
            task: await prompt(config.prompts.task),
            submission: await prompt(config.prompts.submission),
          },
          openSession: run.openSession,
        }),
      )
      .through(score({ metrics, trajectoryMetrics, fileMetrics, blobs: run.blobs }));
    const min = config.screen.agreement;
    const agreed =
      min === undefined ? scored : scored.through(agreement({ min, attempts: config.rollouts.attempts, metrics }));
    return agreed
      .through(
        screen({
          bounds: [
            { score: "answer", min: config.screen.answer, code: "wrong_answer", needsReference: true },
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
