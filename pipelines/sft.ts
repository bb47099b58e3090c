// Datasets in, supervised fine-tuning examples out.
import { z } from "zod";
import {
  accept,
  attempts,
  criteria,
  dedupe,
  defineRun,
  from,
  judge,
  metrics,
  modelConfig,
  propose,
  reference,
  rollouts,
  rubricJudge,
  runShape,
  scaffoldName,
  scaffoldNamed,
  score,
  screen,
  select,
  shape,
  toExamples,
  trajectoryMetrics,
} from "../src/index.ts";

const count = z.number().int().min(1);
const share = z.number().min(0).max(1);

const config = z.strictObject({
  ...runShape,
  models: z.strictObject({ proposer: modelConfig, teacher: modelConfig, judge: modelConfig }),
  prompts: z
    .strictObject({
      agent: z.string().default("agent/react.md"),
      task: z.string().default("agent/task.md"),
      propose: z.string().default("propose/system.md"),
      seed: z.string().default("propose/seed.md"),
      judge: z.string().default("judge/system.md"),
      record: z.string().default("judge/record.md"),
    })
    .prefault({}),
  scaffold: scaffoldName.default("react"),
  propose: z.strictObject({ explorations: count, questions: count, maxTurns: count, concurrency: count.default(8) }),
  vet: z.strictObject({ nearDuplicate: share.default(0.85), concurrency: count.default(8) }).prefault({}),
  rollouts: z.strictObject({ attempts: count, maxTurns: count, concurrency: count.default(32) }),
  screen: z.strictObject({ grounded: share.default(1), maxStepErrors: z.number().int().min(0) }),
  judge: z.strictObject({ votes: count.default(1), concurrency: count.default(16) }),
  accept: z.strictObject({ mean: share, each: share }),
  select: z.strictObject({ perQuery: count.default(1), target: count }),
});

export default defineRun({
  name: "sft",
  config,
  target: (options: z.output<typeof config>) => options.select.target,
  async build(options, run) {
    const prompt = {
      agent: await run.prompt(options.prompts.agent),
      task: await run.prompt(options.prompts.task),
      propose: await run.prompt(options.prompts.propose),
      seed: await run.prompt(options.prompts.seed),
      judge: await run.prompt(options.prompts.judge),
      record: await run.prompt(options.prompts.record),
    };
    const scaffold = scaffoldNamed(options.scaffold);
    const { openSession } = run;
    return from(run.seeds({ explorations: options.propose.explorations }))
      .through(
        propose({
          agent: { model: run.model("proposer"), scaffold, maxTurns: options.propose.maxTurns },
          openSession,
          prompts: { system: prompt.propose, seed: prompt.seed },
          questions: options.propose.questions,
          concurrency: options.propose.concurrency,
        }),
      )
      .through(shape())
      .through(dedupe({ nearDuplicate: options.vet.nearDuplicate }))
      .through(reference({ openSession, concurrency: options.vet.concurrency }))
      .through(attempts(options.rollouts.attempts))
      .through(
        rollouts({
          agent: { model: run.model("teacher"), scaffold, maxTurns: options.rollouts.maxTurns },
          openSession,
          prompts: { system: prompt.agent, task: prompt.task },
          concurrency: options.rollouts.concurrency,
        }),
      )
      .through(score({ metrics, trajectoryMetrics }))
      .through(
        screen({
          bounds: [
            { score: "answer", min: 1, code: "wrong_answer" },
            { score: "grounded", min: options.screen.grounded, code: "ungrounded" },
            { score: "step_errors", max: options.screen.maxStepErrors, code: "too_many_errors" },
          ],
        }),
      )
      .through(
        judge({
          judge: rubricJudge({
            name: "rubric",
            model: run.model("judge"),
            prompts: { system: prompt.judge, record: prompt.record },
            criteria,
            votes: options.judge.votes,
          }),
          concurrency: options.judge.concurrency,
        }),
      )
      .through(accept(options.accept))
      .through(select(options.select))
      .through(toExamples());
  },
});
