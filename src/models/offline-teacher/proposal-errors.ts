// How the proposer errs: the items it spoils on purpose, at the rates it is given.
import type { ErrorKind } from "./conversation.ts";
import type { Draw } from "./draw.ts";
import { columnsOf, groupSlots, valueSlots } from "./exploration.ts";
import { py } from "./family.ts";
import { takeFilter } from "./filter.ts";
import { render } from "./grammar.ts";
import { type Draft, leadIns, word } from "./question.ts";

/** The kinds a proposed question can be spoilt by. */
export const proposalErrors: readonly ErrorKind[] = [
  "wrong_reference",
  "broken_code",
  "nondeterministic_code",
  "near_duplicate",
  "ambiguous",
  "malformed_item",
  "leaked_answer",
  "hard_coded_answer",
];
/** A proposed question, as it is written into the answer. */
export interface Item {
  question: string;
  constraints: string;
  answer_format: string;
  reference_code: string;
  reference_answer: string;
  difficulty: string;
}

/** The item of a question whose program printed its answer. */
export function itemOf(draft: Draft, printed: string): Item {
  return {
    question: draft.question,
    constraints: draft.constraints.join(" "),
    answer_format: draft.answerFormat,
    reference_code: draft.referenceCode,
    reference_answer: printed,
    difficulty: draft.family.difficulty,
  };
}

/**
 * The same question again, which looks like a second one: with a few words before it, with one of its constraints in other words, or
 * in another sentence.
 * Conditions stay where they stood, so that none gets lost.
 */
export function twin(draft: Draft, printed: string, draw: Draw): Item {
  const how = draw.pick(["lead-in", "constraint", "sentence"] as const);
  if (how === "lead-in") return { ...itemOf(draft, printed), question: `${draw.pick(leadIns)} ${draft.question}` };
  if (how === "constraint") {
    const group = draw.pick(draft.family.constraints);
    const others = group
      .map((sentence) => render(sentence, draft.slots))
      .filter((one) => !draft.constraints.includes(one));
    const again = draft.constraints.map((sentence) =>
      others.length > 0 && group.some((one) => render(one, draft.slots) === sentence) ? draw.pick(others) : sentence,
    );
    return { ...itemOf(draft, printed), constraints: again.join(" ") };
  }
  const inQuestion = (question: string) => takeFilter(question, "").filter.length;
  let again = draft;
  for (let tries = 0; tries < 30 && again.question === draft.question; tries++) {
    const other = word(draft.family, draft.slots, draft.table, false, draw, draft.filter);
    if (inQuestion(other.question) === inQuestion(draft.question)) again = other;
  }
  return { ...itemOf(draft, printed), question: again.question };
}

/** The item with an error of the kind put in. */
export function spoil(item: Item, kind: ErrorKind, draft: Draft, draw: Draw): Partial<Item> {
  const [firstLine = "", ...lines] = item.reference_code.split("\n");
  if (kind === "broken_code") {
    const column = columnsOf(draft, [...valueSlots, ...groupSlots, "date", "time"])[0];
    return {
      ...item,
      reference_code: column
        ? item.reference_code.replaceAll(py(column), py(`${column} (total)`))
        : `${firstLine}\n${lines.slice(1).join("\n")}`.replace("df[", "frame_[").replace("df =", "data ="),
    };
  }
  if (kind === "nondeterministic_code") {
    const at = lines.findIndex((line) => /^\s*df = /.test(line));
    return {
      ...item,
      reference_code: [firstLine, ...lines.slice(0, at + 1), "df = df.sample(frac=0.8)", ...lines.slice(at + 1)].join(
        "\n",
      ),
    };
  }
  if (kind === "leaked_answer")
    return { ...item, question: `${item.question} (It should come out as ${item.reference_answer}.)` };
  if (kind === "hard_coded_answer") return { ...item, reference_code: `print(${py(item.reference_answer)})` };
  if (kind === "ambiguous") return { ...item, constraints: "Round sensibly." };
  if (kind === "malformed_item") {
    const { reference_answer: _answer, ...without } = item;
    return draw.chance(0.5) ? without : { ...item, difficulty: "very hard indeed" };
  }
  return { ...item, reference_answer: altered(item.reference_answer, draw) };
}

/** An answer with its last number moved well beyond rounding. */
function altered(answer: string, draw: Draw): string {
  return answer.replace(/\[(-?\d+(?:\.(\d+))?)\](?!.*\[)/, (_whole, digits: string, decimals: string | undefined) => {
    const places = decimals?.length ?? 0;
    const moved = (Number(digits) * draw.pick([0.5, 1.5, 2])).toFixed(places);
    return `[${moved === digits ? (Number(digits) + 1).toFixed(places) : moved}]`;
  });
}
