import { type LineProblem, shown } from "../chat-line.ts";
import type { Row } from "./parquet-format.ts";
import { type Node, physical } from "./schema.ts";

/** Under which rules a target names what a file of tokens breaks, and which columns it takes beside the three. */
export interface TokenRules {
  readonly columns: string;
  readonly rows: string;
  readonly others: readonly string[];
}

const three = ["input_ids", "attention_mask", "labels"];
const noLoss = -100;

/** The columns: the three of tokens as lists of integers, and no others than the target takes. */
export function* tokenColumnProblems(
  found: ReadonlyMap<string, Node>,
  { columns: rule, others }: TokenRules,
): Generator<LineProblem> {
  const text = found.get("messages") ?? found.get("text") ?? found.get("prompt");
  if (text !== undefined && !found.has("input_ids"))
    yield {
      ...{ rule, field: text.name },
      message: `Expected token ids in input_ids, got text in ${text.name}; write it as \`tokenised\`, with the trainer's tokenizer`,
    };
  for (const name of three) {
    const node = found.get(name);
    if (node === undefined)
      yield { rule, field: name, message: `Expected a column ${name}, got ${shown([...found.keys()])}; add it` };
    else if (!/^list<int(32|64)>$/.test(physical(node)))
      yield { rule, field: name, message: `Expected ${name} as list<int32>, got ${physical(node)}; convert it` };
  }
  for (const name of found.keys()) {
    if (three.includes(name) || others.includes(name)) continue;
    const known = [...three, ...others].join(", ");
    yield { rule, field: name, message: `Expected no columns but ${known}, got ${name}; drop it` };
  }
}

/** A row: one length, 0 or 1 as the mask, labels that are -100 or the token at the same place, something to train on. */
export function* tokenRowProblems(
  row: Row,
  { rows: rule, others }: TokenRules,
  maxTokens: number | undefined,
): Generator<LineProblem> {
  const [ids, mask, labels] = [numbers(row.input_ids), numbers(row.attention_mask), numbers(row.labels)];
  if (ids === null || mask === null || labels === null) {
    const field = ids === null ? "input_ids" : mask === null ? "attention_mask" : "labels";
    yield { rule, field, message: "Expected a list of whole numbers without nulls; write the row again" };
    return;
  }
  if (ids.length === 0)
    yield { rule, field: "input_ids", message: "Expected at least one token, got none; drop the row" };
  const columns: [string, readonly unknown[] | null][] = [
    ["attention_mask", mask],
    ["labels", labels],
  ];
  for (const name of others) if (name in row) columns.push([name, numbers(row[name])]);
  for (const [name, list] of columns)
    if (list?.length !== ids.length)
      yield { rule, field: name, message: `Expected ${ids.length} numbers, as many as input_ids, got ${list?.length}` };
  const negative = ids.findIndex((id) => id < 0);
  if (negative !== -1)
    yield { rule, field: `input_ids[${negative}]`, message: `Expected a token's id, got \`${ids[negative]}\`` };
  const unmasked = mask.findIndex((value) => value !== 0 && value !== 1);
  if (unmasked !== -1)
    yield { rule, field: `attention_mask[${unmasked}]`, message: `Expected 0 or 1, got \`${mask[unmasked]}\`` };
  yield* labelProblems(ids, labels, rule);
  if (maxTokens !== undefined && ids.length > maxTokens)
    yield {
      ...{ rule, field: "input_ids" },
      message: `Expected at most ${maxTokens} tokens, got ${ids.length}: a trainer would cut it; split it or leave it out`,
    };
}

function* labelProblems(ids: readonly number[], labels: readonly number[], rule: string): Generator<LineProblem> {
  const wrong = labels.findIndex((label, index) => label !== noLoss && label !== ids[index]);
  if (wrong !== -1) {
    const shifted = labels.slice(0, -1).every((label, index) => label === noLoss || label === ids[index + 1]);
    const message = shifted
      ? "Expected labels at the place of their own token, got them shifted by one; trainers shift them themselves"
      : `Expected -100 or the token itself (\`${ids[wrong]}\`), got \`${labels[wrong]}\``;
    yield { rule, field: `labels[${wrong}]`, message };
  }
  if (labels.length > 0 && labels.every((label) => label === noLoss))
    yield {
      rule,
      field: "labels",
      message: "Expected at least one token with loss, got -100 everywhere; drop the row",
    };
}

function numbers(value: unknown): readonly number[] | null {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return null;
  const list = Array.from(value as ArrayLike<unknown>, (each) => (typeof each === "bigint" ? Number(each) : each));
  return list.every((each): each is number => Number.isSafeInteger(each)) ? list : null;
}
