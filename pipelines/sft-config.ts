// What a config of the SFT recipe says.
import { z } from "zod";
import { datasetEntry, modelConfig, options, runShape, scaffoldName } from "../src/index.ts";

const share = z.number().min(0).max(1);

export const sftConfig = z
  .strictObject({
    ...runShape,
    /** None where every own question names its files. */
    datasets: z.array(datasetEntry).default([]),
    /** Files of the user's own questions instead of `propose`. */
    tasks: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).exactOptional(),
    models: z.strictObject({ proposer: modelConfig.exactOptional(), teacher: modelConfig, judge: modelConfig }),
    prompts: z
      .strictObject({
        /** The scaffold's own where nothing is named, as `propose`. */
        agent: z.string().exactOptional(),
        task: z.string().default("agent/task.md"),
        submission: z.string().default("agent/submission.md"),
        propose: z.string().exactOptional(),
        seed: z.string().default("propose/seed.md"),
        judge: z.string().default("judge/system.md"),
        record: z.string().default("judge/record.md"),
      })
      .prefault({}),
    scaffold: scaffoldName.default("react"),
    propose: options.propose.nullish(),
    vet: z.strictObject({ ...options.dedupe.shape, ...options.reference.shape }).prefault({}),
    rollouts: options.rollouts,
    screen: z.strictObject({
      answer: share.default(1),
      grounded: share.default(1),
      maxStepErrors: z.number().int().min(0),
      agreement: share.optional(),
    }),
    judge: options.judge,
    accept: options.accept,
    select: options.select,
  })
  .refine(({ tasks, datasets }) => tasks !== undefined || datasets.length > 0, {
    path: ["datasets"],
    error: "Expected at least one file, folder or glob",
    // Also beside mistakes of other keys, so that all are told at once.
    when: ({ value }) => Array.isArray((value as { datasets?: unknown } | undefined)?.datasets),
  })
  .superRefine((config, context) => {
    const wrong = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const proposes = config.propose !== undefined && config.propose !== null;
    if (config.tasks !== undefined && proposes) {
      wrong(["propose"], "`tasks` brings the questions; remove `propose` (or `--set propose=null`), or remove `tasks`");
    }
    if (config.tasks === undefined && !proposes) {
      wrong(["propose"], "Missing; expected how many questions to propose, or your own questions in `tasks`");
    }
    if (proposes && config.models.proposer === undefined) {
      wrong(["models", "proposer"], "Missing; expected the model that proposes the questions");
    }
    if (config.screen.agreement !== undefined && config.rollouts.attempts < 3) {
      wrong(["rollouts", "attempts"], "`screen.agreement` compares the tries at a question; expected at least 3 tries");
    }
  });
export type SftConfig = z.output<typeof sftConfig>;

/** The system prompts of a config: those it names, else the package's for its scaffold. */
export function systemPrompts({ prompts, scaffold }: Pick<SftConfig, "prompts" | "scaffold">) {
  return { agent: prompts.agent ?? `agent/${scaffold}.md`, propose: prompts.propose ?? `propose/${scaffold}.md` };
}
