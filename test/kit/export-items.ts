// Items of every product, for tests that run over all formats.
import type { Example, ExampleMessage } from "../../src/domain/example.ts";
import type { ProductItems } from "../../src/domain/products.ts";
import type { Reference } from "../../src/domain/task.ts";
import { pythonTool, say } from "../unit/export-fixtures.ts";

/** One exchange of an example: what the user or the sandbox says, and what the model says to it. */
export interface Exchange {
  readonly asked: string;
  readonly said: string;
  readonly train: boolean;
  readonly reasoning?: string;
}

/** How an example is made. With `native`, every exchange but the last is a call, whose answer begins the next. */
export interface Spoken {
  readonly index: number;
  readonly system: string | null;
  readonly exchanges: readonly Exchange[];
  readonly native: boolean;
}

const ids = (index: number) => ({
  group: `dataset_${index % 3}`,
  taskId: `task_${index}`,
  queryId: `query_${index}`,
});

function messagesOf({ system, exchanges, native }: Spoken): ExampleMessage[] {
  const last = exchanges.length - 1;
  return [
    ...(system === null ? [] : [say("system", system)]),
    ...exchanges.flatMap(({ asked, said, train, reasoning }, index): ExampleMessage[] => {
      const shown = reasoning === undefined ? {} : { reasoning };
      const answers = native && index > 0;
      const question: ExampleMessage = answers
        ? { ...say("tool", asked), toolCallId: `call_${index - 1}` }
        : say("user", asked);
      const speech = say("assistant", said, train || index === last);
      if (!native || index === last) return [question, { ...speech, ...shown }];
      const call = { id: `call_${index}`, name: "python", arguments: JSON.stringify({ code: said }) };
      return [question, { ...speech, content: "", ...shown, toolCalls: [call] }];
    }),
  ];
}

/** The example that is spoken so. */
export function exampleFrom(spoken: Spoken): Example {
  const { index, native } = spoken;
  return {
    ...{ id: `example_${index}`, trajectoryId: `trajectory_${index}`, transforms: [], ...ids(index) },
    messages: messagesOf(spoken),
    ...(native ? { tools: [pythonTool] } : {}),
  };
}

const reference: Reference = { answer: "891", metric: "exact", params: {} };
const reason = { stage: "accept", code: "wrong_answer", message: "Expected 891, got 900" };

/** Its twin in every other product: a pair that differs in the last answer, a labelled try, the task, labelled steps. */
export function itemsFrom(spoken: Spoken): Omit<ProductItems, "trajectories"> {
  const sft = exampleFrom(spoken);
  const { messages } = sft;
  const tools = sft.tools === undefined ? {} : { tools: sft.tools };
  const shared = { ...ids(spoken.index), dataset: "titanic" };
  const last = messages.at(-1) as ExampleMessage;
  const start = messages.findIndex(({ role }) => role === "assistant");
  const steps = messages.flatMap(({ role }, message) =>
    role === "assistant" ? [{ message, label: message === messages.length - 1, why: "ran" }] : [],
  );
  return {
    sft,
    preference: {
      ...{ id: `pair_${spoken.index}`, ...shared, ...tools, reason },
      prompt: messages.slice(0, -1),
      chosen: [last],
      rejected: [{ ...last, content: `${last.content} or so` }],
      chosenTrajectoryId: sft.trajectoryId,
      rejectedTrajectoryId: `${sft.trajectoryId}_b`,
    },
    kto: {
      id: `try_${spoken.index}`,
      ...shared,
      ...tools,
      messages,
      trajectoryId: sft.trajectoryId,
      label: true,
      reason: null,
    },
    rl: {
      ...{ id: `rl_${spoken.index}`, ...shared, ...tools, reference, scaffold: "tools" },
      prompt: messages.slice(0, start).map(({ train: _, ...message }) => message),
      files: [{ name: "titanic.csv", sha256: "0".repeat(64), bytes: 10 }],
      ...{ difficulty: "easy", tried: 4, accepted: 1 },
    },
    steps: {
      id: `steps_${spoken.index}`,
      ...shared,
      ...tools,
      messages,
      trajectoryId: sft.trajectoryId,
      steps,
      accepted: true,
      reason: null,
    },
  };
}
