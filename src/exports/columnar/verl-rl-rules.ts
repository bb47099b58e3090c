import { basename } from "node:path";
import type { CheckOptions } from "../../contracts.ts";
import { isObject, type LineProblem, shown } from "../chat-line.ts";
import type { Row } from "./parquet-format.ts";
import type { ParquetRules } from "./parquet-read.ts";
import { itemOf, type Node, physical } from "./schema.ts";

const verlMaxPromptTokens = 1024;

/** VR-R1 to VR-R5; VR-R2 only with a renderer. Holds 16 bytes a row, for `index` is unique over the file. */
export function verlRlRules(path: string, options: CheckOptions): ParquetRules {
  const indexes = growing();
  return {
    *schema(columns) {
      if (!basename(path).endsWith(".parquet"))
        yield {
          ...{ rule: "VR-R5", field: "" },
          message: `Expected a name that ends in .parquet (verl goes by it), got \`${basename(path)}\`; rename it`,
        };
      yield* columnProblems(columns);
    },
    *row(row, line) {
      yield* rowProblems(row, options);
      const index = isObject(row.extra_info) ? row.extra_info.index : undefined;
      if (typeof index === "bigint" || Number.isSafeInteger(index)) indexes.push(BigInt(index as number), line);
    },
    *whole() {
      for (const { line, value } of indexes.repeated())
        yield {
          ...{ rule: "VR-R4", line, field: "extra_info.index" },
          message: `Expected an index of its own for each row, got ${value} again; number the rows anew`,
        };
    },
  };
}

const expected: Readonly<Record<string, string>> = {
  data_source: "string",
  prompt: "list<struct{role: string, content: string}>",
  ability: "string",
  reward_model: "struct{style: string, ground_truth: string}",
  extra_info: "struct{split: string, index: int64}",
};

function* columnProblems(columns: ReadonlyMap<string, Node>): Generator<LineProblem> {
  const wrong = (node: Node | undefined, field: string, want: string, rule = "VR-R1"): LineProblem => ({
    rule,
    field,
    message: `Expected ${want}, got ${node === undefined ? "nothing" : physical(node)}; write it with physical types, not as JSON text`,
  });
  for (const [name, want] of Object.entries(expected)) {
    const node = columns.get(name);
    const item = node === undefined ? null : itemOf(node);
    const has = (parent: Node | null | undefined, child: string) =>
      parent?.children.find((each) => each.name === child);
    const isText = (each: Node | undefined) => each !== undefined && physical(each) === "string";
    if (want === "string" ? !isText(node) : node === undefined) yield wrong(node, name, want);
    else if (name === "prompt" && !(isText(has(item, "role")) && isText(has(item, "content"))))
      yield wrong(node, name, want);
    else if (name === "reward_model") {
      const truth = has(node, "ground_truth");
      if (truth === undefined) yield wrong(node, name, want);
      else if (!isText(truth)) yield wrong(truth, "reward_model.ground_truth", "string in all rows", "VR-R3");
    } else if (name === "extra_info") {
      const index = has(node, "index");
      if (index === undefined) yield wrong(node, name, want);
      else if (!/^int(32|64)$/.test(physical(index))) yield wrong(index, "extra_info.index", "int64", "VR-R4");
    }
  }
  for (const node of columns.values()) yield* emptyStructs(node, node.name);
}

/** Groups without fields: pyarrow cannot write them, and readers fail on them. */
function* emptyStructs(node: Node, field: string): Generator<LineProblem> {
  if (node.element.type === undefined && node.children.length === 0)
    yield { rule: "VR-R1", field, message: "Expected no struct without fields; drop the key or give it one" };
  for (const child of node.children) yield* emptyStructs(child, `${field}.${child.name}`);
}

function* rowProblems(row: Row, { renderer, maxTokens }: CheckOptions): Generator<LineProblem> {
  for (const name of Object.keys(expected))
    if (row[name] === null || row[name] === undefined)
      yield { rule: "VR-R1", field: name, message: "Expected a value in every row, got null; fill it in" };
  if (isObject(row.reward_model) && typeof row.reward_model.ground_truth !== "string")
    yield {
      ...{ rule: "VR-R3", field: "reward_model.ground_truth" },
      message: `Expected a string in all rows, got ${shown(row.reward_model.ground_truth ?? null)}; write numbers as text`,
    };
  if (isObject(row.extra_info) && (row.extra_info.index === null || row.extra_info.index === undefined))
    yield { rule: "VR-R4", field: "extra_info.index", message: "Expected a whole number, got null; number the rows" };
  const prompt: unknown[] = Array.isArray(row.prompt) ? row.prompt : [];
  const messages = prompt.filter(isObject).map(({ role, content }) => ({ role, content, train: false }));
  const roles = ["system", "user", "assistant", "tool"];
  const broken = messages.findIndex(
    ({ role, content }) => !roles.includes(String(role)) || typeof content !== "string",
  );
  if (messages.length === 0 || messages.length < prompt.length || broken !== -1) {
    if (row.prompt !== null && row.prompt !== undefined)
      yield {
        ...{ rule: "VR-R1", field: broken === -1 ? "prompt" : `prompt[${broken}]` },
        message: "Expected messages with a role (system, user, assistant, tool) and text; mend the row",
      };
    return;
  }
  if (renderer === undefined) return;
  const tokens = renderer.count({ messages: messages as { role: "user"; content: string; train: boolean }[] });
  const most = maxTokens ?? verlMaxPromptTokens;
  if (tokens > most)
    yield {
      ...{ rule: "VR-R2", field: "prompt", severity: maxTokens === undefined ? "warning" : "error" },
      message: `Expected at most ${most} tokens (data.max_prompt_length${maxTokens === undefined ? ", verl's default" : ""}), got ${tokens}: verl leaves such a row out without a word; raise it or shorten the prompt`,
    };
}

/** Indexes in the order of their rows, 16 bytes each with the row's number. */
function growing() {
  let values = new BigInt64Array(1024);
  let lines = new Float64Array(1024);
  let length = 0;
  return {
    push(value: bigint, line: number): void {
      if (length === values.length) {
        const [moreValues, moreLines] = [new BigInt64Array(length * 2), new Float64Array(length * 2)];
        moreValues.set(values);
        moreLines.set(lines);
        [values, lines] = [moreValues, moreLines];
      }
      values[length] = value;
      lines[length] = line;
      length += 1;
    },
    /** Each index that stood in an earlier row, with its row; of the first 1,000 that repeat. */
    *repeated(): Generator<{ readonly line: number; readonly value: bigint }> {
      const sorted = values.slice(0, length).sort();
      const twice = new Set<bigint>();
      for (let at = 1; at < length; at += 1)
        if (sorted[at] === sorted[at - 1] && twice.size < 1_000) twice.add(sorted[at] as bigint);
      const seen = new Set<bigint>();
      for (const [at, value] of values.subarray(0, length).entries()) {
        if (!twice.has(value)) continue;
        if (seen.has(value)) yield { line: lines[at] as number, value };
        seen.add(value);
      }
    },
  };
}
