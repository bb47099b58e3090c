// What a run of the SFT recipe is expected to come to, for `--dry-run`. Guesses are marked; earlier runs replace them.
import type { Expectation } from "../src/index.ts";
import type { SftConfig } from "./sft-config.ts";

// Messages that an agent with room for more typically needs.
const typicalExplorationTurns = 10;
const typicalRolloutTurns = 6;
// Tokens of one request, the conversation so far included.
const agentTokens = { input: 3000, output: 350 };
const judgeTokens = { input: 4000, output: 600 };

/** Expectations by the names of the stages. */
export function sftExpects(config: SftConfig): Readonly<Record<string, Expectation>> {
  const { rollouts, judge, select, propose } = config;
  const guess = (out: number): Expectation => ({ out, assumed: true });
  const turns = (typical: number, most: number) => ({
    requests: Math.min(typical, most),
    tokens: agentTokens,
    because: `${Math.min(typical, most)} of at most ${most} turns`,
  });
  return {
    ...(propose && {
      propose: {
        out: propose.questions,
        asks: { model: "proposer", ...turns(typicalExplorationTurns, propose.maxTurns) },
      },
      shape: guess(0.97),
      dedupe: guess(0.95),
    }),
    admit: { out: 1 },
    reference: guess(0.9),
    attempts: { out: rollouts.attempts },
    rollouts: { out: 1, asks: { model: "teacher", ...turns(typicalRolloutTurns, rollouts.maxTurns) } },
    score: { out: 1 },
    agreement: guess(0.7),
    screen: guess(0.6),
    judge: {
      out: 1,
      asks: {
        model: "judge",
        requests: judge.votes,
        tokens: judgeTokens,
        because: `${judge.votes} ${judge.votes === 1 ? "vote" : "votes"}`,
      },
    },
    accept: guess(0.8),
    select: { ...guess(Math.min(1, select.perQuery / rollouts.attempts)), most: select.target },
    examples: { out: 1 },
  };
}
