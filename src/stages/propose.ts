import { z } from "zod";
import { parseProposals } from "../agents/proposal.ts";
import { describeProfile } from "../datasets/describe.ts";
import type { Seed } from "../domain/dataset.ts";
import { contentId } from "../domain/hash.ts";
import type { Proposal } from "../domain/task.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";
import type { Prompt } from "../prompts/load.ts";
import { concurrency, count } from "./ranges.ts";
import { type Agent, expectTools, type OpenSession, solve } from "./solving.ts";

/** `explorations` of each dataset, `questions` asked of each exploration; `maxTurns` the messages an agent has. */
export const proposeOptions = z.strictObject({
  explorations: count,
  questions: count,
  maxTurns: count,
  concurrency: concurrency.default(8),
});

/**
 * Lets an agent explore a dataset in a sandbox and propose `questions` questions: one Seed becomes its Proposals, good and
 * malformed alike. Rejects a seed whose exploration ended without an answer (`no_proposals`) or whose answer holds no JSON
 * list (`unreadable_proposals`).
 */
export function propose(options: {
  readonly agent: Agent;
  readonly openSession: OpenSession;
  readonly prompts: { readonly system: Prompt; readonly seed: Prompt };
  readonly questions: number;
  readonly concurrency: number;
}): EachStage<Seed, Proposal> {
  const { agent, prompts } = options;
  expectTools(agent);
  prompts.system.expectPlaces(["max_turns"]);
  prompts.seed.expectPlaces(["profile", "exploration", "count"]);
  return each({
    name: "propose",
    concurrency: options.concurrency,
    keep: true,
    async run(seed, { signal }) {
      const exploration = await solve({
        kind: "exploration",
        subject: { seed: seed.id },
        agent,
        openSession: options.openSession,
        dataset: seed.dataset,
        prompts: [prompts.system, prompts.seed],
        assignment: {
          system: prompts.system.render({ max_turns: String(agent.maxTurns) }),
          user: prompts.seed.render({
            profile: describeProfile(seed.profile),
            exploration: String(seed.exploration + 1),
            count: String(options.questions),
          }),
        },
        sample: seed.exploration,
        signal,
      });
      if (exploration.submission === null) {
        return reject("no_proposals", `The exploration ended without an answer (${exploration.exit})`, {
          exit: exploration.exit,
          messages: exploration.messages,
        });
      }
      const { proposals, problems } = parseProposals(exploration.submission);
      if (proposals.length + problems.length === 0) {
        return reject("unreadable_proposals", "The answer holds no JSON list of questions", {
          answer: exploration.submission.slice(0, 4000),
        });
      }
      const occurrences = new Map<string, number>();
      const identify = (content: unknown): string => {
        const plain = contentId("query", { seed: seed.id, content });
        const occurrence = occurrences.get(plain) ?? 0;
        occurrences.set(plain, occurrence + 1);
        return occurrence === 0 ? plain : contentId("query", { seed: seed.id, content, occurrence });
      };
      return pass<Proposal>(
        ...proposals.map((fields) => ({
          id: identify(fields),
          seedId: seed.id,
          dataset: seed.dataset,
          raw: JSON.stringify(fields),
          fields,
          problem: null,
        })),
        ...problems.map(({ raw, why }) => ({
          id: identify({ raw, why }),
          seedId: seed.id,
          dataset: seed.dataset,
          raw,
          fields: null,
          problem: why,
        })),
      );
    },
  });
}
