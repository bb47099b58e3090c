// The proposer: looks at the data, drops what the data cannot carry, runs the reference programs, and proposes what they printed.
import {
  answerTurn,
  chooseError,
  codeTurn,
  observations,
  opening,
  type Planted,
  type Reply,
  type TeacherRequest,
  turnsLeft,
} from "./conversation.ts";
import { type Draw, drawFrom } from "./draw.ts";
import {
  carries,
  groupSizes,
  groupsCode,
  isAnswer,
  lookCode,
  printedAnswers,
  runCode,
  unusableColumns,
} from "./exploration.ts";
import { families } from "./families/index.ts";
import { readProfile, type Table } from "./profile.ts";
import { type Item, itemOf, proposalErrors, spoil, twin } from "./proposal-errors.ts";
import { type Draft, word } from "./question.ts";

const perStep = 12;

/** How many questions a message asks to propose; null when it is no such message. */
export function askedCount(message: string): number | null {
  const found = /Explore (?:them|it), then propose (\d+) questions?/.exec(message);
  return found ? Number(found[1]) : null;
}

/** The proposer's next message. */
export function propose(request: TeacherRequest): Reply {
  const seed = opening(request.messages);
  const count = askedCount(seed) ?? 0;
  const tables = readProfile(seed);
  const draw = drawFrom("propose", seed, request.seed);
  const drafts = draftsFor(tables, Math.ceil(count * 1.5) + 6, draw);
  const seen = observations(request.messages);
  const left = turnsLeft(request.messages);
  if (drafts.length === 0 || (left <= 1 && seen.length < 3)) {
    return { text: answerTurn("I find nothing here that I know how to ask about.", "[]"), planted: [] };
  }
  if (seen.length === 0)
    return step(`I read the files and see what the columns really hold.`, lookCode(tables, drafts));
  const unusable = unusableColumns(seen[0] ?? "");
  if (seen.length === 1) {
    const gone = unusable.length > 0 ? ` ${unusable.join(", ")} cannot be used as the profile suggests.` : "";
    return step(`The files can be read.${gone} How large are the groups?`, groupsCode(tables, drafts));
  }
  const sizes = groupSizes(seen[1] ?? "");
  const usable = drafts.filter((draft) => carries(draft, unusable, sizes));
  const answers = printedAnswers(seen.slice(2).join("\n"));
  const good = usable.flatMap((draft, index) => {
    const printed = answers.get(index);
    return printed !== undefined && isAnswer(printed) ? [{ draft, printed }] : [];
  });
  const from = (seen.length - 2) * perStep;
  if (good.length < count && from < usable.length && left > 1) {
    const dropped = drafts.length - usable.length;
    const note =
      from === 0 && dropped > 0 ? ` I drop ${dropped} whose groups are too small or whose columns do not fit.` : "";
    return step(
      `I have ${usable.length} questions in mind.${note} I run the program of each from number ${from + 1} on, to have its answer from the data.`,
      runCode(usable.slice(from, from + perStep), from),
    );
  }
  return finish(good.slice(0, count), request, drawFrom("propose errors", seed, request.seed));
}

function step(think: string, code: string): Reply {
  return { text: codeTurn(think, code), planted: [] };
}

/** One question of each family in turn, so that kinds are mixed and no family fills the list. */
function draftsFor(tables: readonly Table[], wanted: number, draw: Draw): Draft[] {
  const queues = draw.shuffle(
    tables.flatMap((table) =>
      families.map((family) => ({
        family,
        table,
        slots: draw.shuffle(family.propose(table, draw)).slice(0, family.most ?? 4),
      })),
    ),
  );
  const drafts: Draft[] = [];
  for (let round = 0; drafts.length < wanted && queues.some((queue) => queue.slots.length > round); round++) {
    for (const { family, table, slots } of queues) {
      const chosen = slots[round];
      if (chosen) drafts.push(word(family, chosen, table, tables.length > 1, draw));
    }
  }
  return drafts.slice(0, wanted);
}

function finish(good: readonly { draft: Draft; printed: string }[], request: TeacherRequest, draw: Draw): Reply {
  const order = { easy: 0, medium: 1, hard: 2 };
  const sorted = [...good].sort((a, b) => order[a.draft.family.difficulty] - order[b.draft.family.difficulty]);
  const planted: Planted[] = [];
  const items = sorted.map(({ draft, printed }, index): Partial<Item> => {
    const item = itemOf(draft, printed);
    const kind = chooseError(proposalErrors, request.rates, draw);
    if (!kind) return item;
    const before = sorted[index - 1];
    const spoiled =
      kind === "near_duplicate" && before ? twin(before.draft, before.printed, draw) : spoil(item, kind, draft, draw);
    planted.push({ role: "proposer", kind, subject: spoiled.question ?? draft.question, detail: draft.family.name });
    return spoiled;
  });
  const json = JSON.stringify(items, null, 1);
  const shown = draw.pick([
    json,
    json,
    `\`\`\`json\n${json}\n\`\`\``,
    `Here are ${items.length} questions.\n\n${json}`,
  ]);
  return {
    text: answerTurn(`${items.length} programs ran and printed an answer; I propose these questions.`, shown),
    planted,
  };
}
