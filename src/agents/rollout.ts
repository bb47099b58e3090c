import type { Assignment, Completion, Model, Scaffold, Session } from "../contracts.ts";
import { RejectionError } from "../domain/errors.ts";
import type { SubmissionRule } from "../domain/submission.ts";
import type { Action, Exit, Message, RanOn, Trajectory, Turn, Usage } from "../domain/trajectory.ts";
import { sumUsd } from "../domain/usd.ts";
import { withOwnCallId } from "./call-id.ts";
import { roomOf } from "./room.ts";

export interface RolloutOptions {
  /** The trajectory's id. */
  readonly id: string;
  readonly assignment: Assignment;
  readonly model: Model;
  readonly scaffold: Scaffold;
  readonly session: Session;
  /** Sample index of every completion. */
  readonly sample: number;
  /** Messages the agent has in all; code in the last one is not run. */
  readonly maxTurns: number;
  /** Invalid messages in a row that end the rollout. */
  readonly maxInvalidTurns?: number;
  /** The file that the task asks for: taken out of the session at the end, however that came. */
  readonly submission?: SubmissionRule | undefined;
  /**
   * Why an answer cannot be read, told to the agent, which may answer again while it has messages; null for an answer that can. The refused
   * answer is an invalid turn. The last one is submitted whatever this says.
   */
  readonly acceptAnswer?: ((answer: string) => string | null) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Lets an agent work until it answers or runs out: complete, parse, run, show, again. Where the model's context would not hold the next
 * request and its answer, the oldest observations are shortened with a visible marker: `messages` is the conversation as it stood at the end,
 * `turns` hold the observations whole and say before which turn each was shortened (but for what gave way before a request that did not fit
 * all the same: no turn came of it).
 * @throws {FailureError} provider or sandbox broke. @throws {RejectionError} content_filter, refusal; context_overflow when even the
 * first request does not fit (later, when nothing more gives way, it is the exit `context_limit`).
 */
export async function rollout(options: RolloutOptions): Promise<Trajectory> {
  const { assignment, model, scaffold, session, sample, maxTurns, maxInvalidTurns = 3, signal } = options;
  const messages: Message[] = scaffold.open(assignment);
  const turns: Turn[] = [];
  const usages: Usage[] = [];
  const room = roomOf(model);
  let invalidInARow = 0;
  let submission: string | null = null;
  let exit: Exit | null = null;

  while (exit === null) {
    signal.throwIfAborted();
    const shortened = room.prepare(messages);
    const completion = await completeOrOverflow(shortened);
    if (completion === null) {
      exit = "context_limit";
      break;
    }
    usages.push(completion.usage);
    const parsed = scaffold.parse(completion);
    const { message: said, renamed } = withOwnCallId(parsed.message, messages);
    messages.push(said);
    room.counted(completion.usage, messages.length);
    const turnsLeft = maxTurns - turns.length - 1;
    const action = readable(parsed.action, turnsLeft);
    const turn: Turn = {
      message: messages.length - 1,
      action,
      step: null,
      ran: null,
      observation: null,
      finishReason: completion.finishReason,
      completionKey: completion.key,
      diverged: false,
      transforms: [...parsed.transforms, ...renamed],
      ...(completion.servedBy === undefined ? {} : { servedBy: completion.servedBy }),
      ...(shortened.length === 0 ? {} : { shortened }),
    };
    turns.push(turn);
    invalidInARow = action.kind === "invalid" ? invalidInARow + 1 : 0;

    if (action.kind === "answer") {
      submission = action.answer;
      exit = "submitted";
    } else if (invalidInARow >= maxInvalidTurns) {
      exit = "format_limit";
    } else if (turnsLeft <= 0) {
      exit = "turn_limit";
    } else if (action.kind === "invalid") {
      messages.push(scaffold.nudge(action.why, turnsLeft, said));
    } else {
      const { result, diverged, ran } = await session.run(action.code, { signal });
      const observation = scaffold.show(result);
      turns[turns.length - 1] = { ...turn, step: result, ran, observation, diverged };
      const carry = (text: string) => scaffold.observe(text, turnsLeft, said);
      messages.push(carry(observation));
      room.observed({ message: messages.length - 1, text: observation, carry });
      if (result.end === "killed") exit = "sandbox_killed";
    }
  }

  const { submission: asked } = options;
  const submissionFile =
    asked === undefined ? null : await session.collect(asked.path, { maxBytes: asked.maxBytes, signal });

  return {
    id: options.id,
    messages,
    turns,
    exit,
    submission,
    submissionFile,
    usage: sumUsage(usages),
    ...(scaffold.tools === undefined ? {} : { tools: [...scaffold.tools] }),
    scaffold: scaffold.name,
    model: model.name,
    backend: session.environment.backend,
    environment: session.environment.id,
    image: session.environment.image,
    ranOn: machinesOf(turns),
    versions: { ...session.environment.versions },
  };

  /** The action, or what an answer that cannot be read is while the agent may still answer again. */
  function readable(action: Action, turnsLeft: number): Action {
    if (action.kind !== "answer" || turnsLeft <= 0 || invalidInARow + 1 >= maxInvalidTurns) return action;
    const why = options.acceptAnswer?.(action.answer) ?? null;
    return why === null ? action : { kind: "invalid", reasoning: action.reasoning, why };
  }

  /** The completion; null where the context is full and nothing gives way any more. Adds to `shortened` what had to. */
  async function completeOrOverflow(shortened: number[]): Promise<Completion | null> {
    for (let tries = 1; ; tries++) {
      try {
        return await model.complete(
          {
            messages: [...messages],
            stop: scaffold.stop,
            ...(scaffold.tools === undefined ? {} : { tools: scaffold.tools }),
          },
          { sample, signal },
        );
      } catch (error) {
        if (turns.length === 0 || !(error instanceof RejectionError) || error.code !== "context_overflow") throw error;
        const more = tries > 2 ? [] : room.giveWay(messages, tries === 2);
        if (more.length === 0) return null;
        shortened.push(...more.filter((index) => !shortened.includes(index)));
      }
    }
  }
}

function machinesOf(turns: readonly Turn[]): RanOn[] {
  const machines = new Map<string, RanOn>();
  for (const { ran } of turns) {
    if (ran === null) continue;
    const { backend, image, kernel, runtime } = ran;
    machines.set(JSON.stringify([backend, image, kernel, runtime]), { backend, image, kernel, runtime });
  }
  return [...machines.values()];
}

/** The sum of usages; its cost is null as soon as one is unknown. */
function sumUsage(usages: readonly Usage[]): Usage {
  return usages.reduce(
    (sum, usage) => ({
      inputTokens: sum.inputTokens + usage.inputTokens,
      cachedInputTokens: sum.cachedInputTokens + usage.cachedInputTokens,
      outputTokens: sum.outputTokens + usage.outputTokens,
      reasoningTokens: sum.reasoningTokens + usage.reasoningTokens,
      estimated: sum.estimated || usage.estimated,
      costUsd: sumUsd([sum.costUsd, usage.costUsd]),
    }),
    { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, estimated: false, costUsd: 0 },
  );
}
