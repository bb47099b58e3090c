// Where the tasks of the SFT recipe come from: questions a model proposes, or the user's own.
import {
  admit,
  dedupe,
  from,
  type Line,
  ownReference,
  propose,
  type RunKit,
  reference,
  scaffoldNamed,
  shape,
  type Task,
} from "../src/index.ts";
import { type SftConfig, systemPrompts } from "./sft-config.ts";

/** The line up to its tasks. */
export async function sftTasks(config: SftConfig, run: RunKit): Promise<Line<Task>> {
  const { openSession, prompt } = run;
  if (config.tasks !== undefined) {
    return from(await run.questions(config.tasks))
      .through(admit())
      .through(ownReference({ ...config.vet, openSession }));
  }
  if (!config.propose) throw new Error("Expected `propose` or `tasks`: the schema asks for one of them");
  const { propose: options } = config;
  return from(run.seeds(options))
    .through(
      propose({
        ...options,
        agent: {
          model: run.model("proposer"),
          scaffold: scaffoldNamed(config.scaffold),
          maxTurns: options.maxTurns,
        },
        prompts: { system: await prompt(systemPrompts(config).propose), seed: await prompt(config.prompts.seed) },
        openSession,
      }),
    )
    .through(shape())
    .through(dedupe(config.vet))
    .through(reference({ ...config.vet, openSession }));
}
