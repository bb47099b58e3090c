import type { Renderer } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import { naming } from "./naming.ts";
import { perStep } from "./per-step.ts";
import { shortened } from "./shorten.ts";

/** What becomes of a conversation that is too long. */
export type LengthPolicy = "reject" | "split" | "shorten";

/** Counts of a length policy. Examples: `whole` fitted, `rejected` left out, `split` into `rows` (of which `tooLong` did not fit), `shortened`, and how many of those lost loss on a message. */
export interface LengthCounts {
  readonly whole: number;
  readonly rejected: number;
  readonly split: number;
  readonly rows: number;
  readonly tooLong: number;
  readonly shortened: number;
  readonly masked: number;
}

/** Counts as examples pass; `counts` at the end. */
export function lengthTally() {
  const counts = { whole: 0, rejected: 0, split: 0, rows: 0, tooLong: 0, shortened: 0, masked: 0 };
  return {
    add: (kind: keyof LengthCounts, by = 1) => {
      counts[kind] += by;
    },
    counts: (): LengthCounts => ({ ...counts }),
  };
}

export interface LengthOptions {
  readonly renderer: Renderer;
  readonly maxTokens: number;
  readonly over: LengthPolicy;
  readonly tally: ReturnType<typeof lengthTally>;
}

/** The examples of at most `maxTokens`, and what the policy makes of the others; every one is counted. @throws {UsageError} naming an example that the template refuses. */
export async function* withLength(
  examples: AsyncIterable<Example>,
  options: LengthOptions,
): AsyncGenerator<Example, void, undefined> {
  for await (const example of examples) yield* fitting(example, options);
}

function* fitting(example: Example, { renderer, maxTokens, over, tally }: LengthOptions): Generator<Example> {
  const fits = (one: Example) => naming(example, () => renderer.count(one) <= maxTokens);
  if (fits(example)) {
    tally.add("whole");
    yield example;
    return;
  }
  if (over === "split") {
    const steps = perStep(example);
    const fit = steps.filter(fits);
    tally.add("tooLong", steps.length - fit.length);
    tally.add(fit.length === 0 ? "rejected" : "split");
    tally.add("rows", fit.length);
    yield* fit;
    return;
  }
  const smaller = over === "shorten" ? naming(example, () => shortened(example, { renderer, maxTokens })) : null;
  if (smaller === null) {
    tally.add("rejected");
    return;
  }
  tally.add("shortened");
  if (smaller.messages.some(({ train }, index) => train !== example.messages[index]?.train)) tally.add("masked");
  yield smaller;
}
