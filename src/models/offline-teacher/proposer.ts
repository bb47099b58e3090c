// The proposer: looks at the data, drops what the data cannot carry, runs the reference programs, and proposes what they printed.
import {
  answerTurn,
  chooseError,
  codeTurn,
  failed,
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
  datesCode,
  datesRemark,
  groupSizes,
  groupsCode,
  isAnswer,
  lookCode,
  printedAnswers,
  rowsCode,
  runCode,
  tooFewRows,
  unusableColumns,
} from "./exploration.ts";
import { families } from "./families/index.ts";
import type { Family } from "./family.ts";
import { readProfile, type Table } from "./profile.ts";
import { type Item, itemOf, proposalErrors, spoil, twin } from "./proposal-errors.ts";
import { type Draft, filterFor, word } from "./question.ts";

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
  if (seen.length === 0) return step(draw.pick(openings), lookCode(tables, drafts));
  const unusable = unusableColumns(seen[0] ?? "");
  if (seen.length === 1) {
    const gone = unusable.length > 0 ? ` ${unusable.join(", ")} cannot be used as the profile suggests.` : "";
    const read = failed(seen[0] ?? "")
      ? "That stopped before the end: not every file can be read here. The programs will show on which I can build."
      : `The files can be read.${gone}`;
    return step(`${read} How large are the groups?`, groupsCode(tables, drafts));
  }
  const sizes = groupSizes(seen[1] ?? "");
  let usable = drafts.filter((draft) => carries(draft, unusable, sizes));
  const limit = left + request.messages.filter(({ role }) => role === "assistant").length;
  const inspections = limit < 8 ? [] : inspectionsFor(tables, usable, drawFrom("inspect", seed, request.seed));
  const at = seen.length - 2;
  const inspection = inspections[at];
  const before = at > 0 ? (inspections[at - 1]?.remark(seen.at(-1) ?? "") ?? "") : "";
  if (inspection) return step(`${before} ${inspection.think}`.trim(), inspection.code);
  const few = tooFewRows(seen.slice(2, 2 + inspections.length).join("\n"), 30);
  usable = usable.filter((_draft, index) => !few.includes(index));
  const answers = printedAnswers(seen.slice(2 + inspections.length).join("\n"));
  const good = usable.flatMap((draft, index) => {
    const printed = answers.get(index);
    return printed !== undefined && isAnswer(printed) ? [{ draft, printed }] : [];
  });
  const from = (seen.length - 2 - inspections.length) * perStep;
  if (good.length < count && from < usable.length && left > 1) {
    const dropped = drafts.length - usable.length;
    const note =
      from === 0 && dropped > 0
        ? ` I drop ${dropped} that the data cannot carry as I had thought.`
        : retryNote(usable, answers, from);
    return step(
      `${before} I have ${usable.length} questions in mind.${note} I run the program of each from number ${from + 1} on, to have its answer from the data.`.trim(),
      runCode(usable.slice(from, from + perStep), from),
    );
  }
  return finish(good.slice(0, count), request, drawFrom("propose errors", seed, request.seed));
}

const openings = [
  "I read the files and see what the columns really hold.",
  "A profile is a claim: I load the data and look for myself.",
  "First the rows themselves, and which columns are numbers throughout.",
] as const;

interface Inspection {
  readonly think: string;
  readonly code: string;
  readonly remark: (output: string) => string;
}

/** Ideas to be checked before any program runs: conditions that may leave too little, and how dates are written. */
function inspectionsFor(tables: readonly Table[], drafts: readonly Draft[], draw: Draw): readonly Inspection[] {
  const rows = rowsCode(tables, drafts);
  const dates = datesCode(tables, drafts);
  const wantsDates = draw.chance(0.6);
  return [
    ...(rows === ""
      ? []
      : [
          {
            think: "Some questions keep only certain rows. Do these conditions leave enough?",
            code: rows,
            remark: (output: string) => {
              const few = tooFewRows(output, 30).length;
              return few > 0
                ? `${few} sets of conditions leave fewer than 30 rows: a dead end, these questions go.`
                : "Every set of conditions leaves at least 30 rows.";
            },
          },
        ]),
    ...(dates === "" || !wantsDates
      ? []
      : [{ think: "I assume that dates are written year-month-day. Is that so?", code: dates, remark: datesRemark }]),
  ];
}

/** What went wrong with the programs run so far, in a sentence. */
function retryNote(drafts: readonly Draft[], answers: ReadonlyMap<number, string>, from: number): string {
  const failed = drafts.slice(0, from).filter((_draft, index) => !isAnswer(answers.get(index) ?? "")).length;
  return failed > 0 ? ` ${failed} so far printed nothing that could be asked for, so I try others.` : "";
}

function step(think: string, code: string): Reply {
  return { text: codeTurn(think, code), planted: [] };
}

/** One question of each family in turn and the three difficulties in turn, so that kinds are mixed and no family fills the list. */
function draftsFor(tables: readonly Table[], wanted: number, draw: Draw): Draft[] {
  const queues = inTurn(
    draw
      .shuffle(
        tables.flatMap((table) =>
          families.map((family) => ({
            family,
            table,
            slots: draw.shuffle(family.propose(table, draw)).slice(0, family.most ?? 4),
          })),
        ),
      )
      .filter(({ slots }) => slots.length > 0),
  );
  const drafts: Draft[] = [];
  for (let round = 0; drafts.length < wanted && queues.some((queue) => queue.slots.length > round); round++) {
    for (const { family, table, slots } of queues) {
      const chosen = slots[round];
      const filter = chosen && filterFor(family, chosen, table, draw);
      if (chosen && filter) drafts.push(word(family, chosen, table, tables.length > 1, draw, filter));
    }
  }
  return drafts.slice(0, wanted);
}

/** Easy, medium and hard in turn, as long as there are some. */
function inTurn<Queue extends { readonly family: Family }>(queues: readonly Queue[]): Queue[] {
  const kinds = (["easy", "medium", "hard"] as const).map((difficulty) =>
    queues.filter(({ family }) => family.difficulty === difficulty),
  );
  return queues.flatMap((_queue, index) => kinds.flatMap((kind) => kind[index] ?? []));
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
