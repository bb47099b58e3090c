import type { Example, ExampleMessage } from "../../domain/example.ts";
import { type LengthBucket, lengthBuckets } from "./length-buckets.ts";

/** Counts over exported examples. `turns` are assistant messages of one example; `masked` ones are context with loss 0. */
export interface ExampleStatistics {
  readonly examples: number;
  readonly tasks: number;
  readonly datasets: number;
  readonly turns: { readonly mean: number; readonly median: number; readonly p95: number };
  readonly trainedMessages: number;
  readonly maskedMessages: number;
  readonly characters: number;
  readonly transformed: number;
  /** Assistant messages that call a function. */
  readonly calls: number;
  /** Assistant messages with thinking that the endpoint showed apart from the text. */
  readonly thinking: number;
  /** Examples whose task had no reference answer. */
  readonly unreferenced: number;
  /** How long examples are, in characters. */
  readonly lengths: readonly LengthBucket[];
}

/** Counts examples as they pass: hand them to `add`, then ask. */
export interface ExampleTally {
  readonly add: (example: Example) => void;
  readonly examples: () => number;
  readonly statistics: () => ExampleStatistics;
}

export function exampleTally(): ExampleTally {
  const tasks = new Set<string>();
  const datasets = new Set<string>();
  const turns = new Map<number, number>();
  let examples = 0;
  let trained = 0;
  let masked = 0;
  let characters = 0;
  let transformed = 0;
  let calls = 0;
  let thinking = 0;
  let unreferenced = 0;
  const lengths = lengthBuckets();
  return {
    add(example) {
      examples += 1;
      tasks.add(example.taskId);
      datasets.add(example.group);
      if (example.transforms.length > 0) transformed += 1;
      if (example.unreferenced === true) unreferenced += 1;
      let said = 0;
      let long = 0;
      for (const message of example.messages) {
        long += message.content.length + argumentCharacters(message);
        if (message.role !== "assistant") continue;
        said += 1;
        if (message.toolCalls !== undefined) calls += 1;
        if (message.reasoning !== undefined) thinking += 1;
        if (message.train) trained += 1;
        else masked += 1;
      }
      characters += long;
      lengths.add(long);
      turns.set(said, (turns.get(said) ?? 0) + 1);
    },
    examples: () => examples,
    statistics: () => ({
      examples,
      tasks: tasks.size,
      datasets: datasets.size,
      turns: {
        mean: examples === 0 ? 0 : (trained + masked) / examples,
        median: quantile(turns, examples, 0.5),
        p95: quantile(turns, examples, 0.95),
      },
      trainedMessages: trained,
      maskedMessages: masked,
      characters,
      transformed,
      calls,
      thinking,
      unreferenced,
      lengths: lengths.all(),
    }),
  };
}

function argumentCharacters({ toolCalls = [] }: ExampleMessage): number {
  return toolCalls.reduce((sum, call) => sum + call.arguments.length, 0);
}

// Nearest rank: a count that some example really has.
function quantile(counts: ReadonlyMap<number, number>, total: number, at: number): number {
  let left = Math.ceil(total * at);
  for (const [value, count] of [...counts].sort(([a], [b]) => a - b)) {
    left -= count;
    if (left <= 0) return value;
  }
  return 0;
}
