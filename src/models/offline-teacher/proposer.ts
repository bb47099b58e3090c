// The proposer: looks at the data, drops what the data cannot carry, runs the reference programs, and proposes what they printed.
import {
  answerTurn,
  chooseError,
  codeTurn,
  type ErrorKind,
  observations,
  opening,
  type Planted,
  type Reply,
  type TeacherRequest,
  turnsLeft,
} from "./conversation.ts";
import { type Draw, drawFrom } from "./draw.ts";
import { families } from "./families/index.ts";
import { py } from "./family.ts";
import { loadForReference } from "./loading.ts";
import { readProfile, type Table } from "./profile.ts";
import { type Draft, word } from "./question.ts";

const errors: readonly ErrorKind[] = [
  "wrong_reference",
  "broken_code",
  "nondeterministic_code",
  "near_duplicate",
  "ambiguous",
  "malformed_item",
];
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

const valueSlots = ["value", "x", "y", "x1", "x2", "target"];
const groupSlots = ["group", "a", "b"];

function columnsOf(draft: Draft, names: readonly string[]): string[] {
  return names.flatMap((name) => (name in draft.slots ? [String(draft.slots[name])] : []));
}

function lookCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.map((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const values = [...new Set(mine.flatMap((draft) => columnsOf(draft, valueSlots)))];
    return `${loadForReference(table.file)}
print(${py(table.file)}, df.shape)
print(df.head(3).to_string(max_colwidth=30))
for name in [${values.map(py).join(", ")}]:
    print("column", json.dumps(name), df[name].dtype, "numbers", int(pd.to_numeric(df[name], errors="coerce").notna().sum()), "missing", int(df[name].isna().sum()))`;
  });
  return `import json\n${blocks.join("\n")}`;
}

/** Columns that hold too few numbers to ask about. */
function unusableColumns(observation: string): string[] {
  return [...observation.matchAll(/^column ("(?:[^"\\]|\\.)*") \S+ numbers (\d+) missing/gm)]
    .filter((match) => Number(match[2]) < 20)
    .map((match) => JSON.parse(match[1] ?? '""') as string);
}

function groupsCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.map((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const groups = [...new Set(mine.flatMap((draft) => columnsOf(draft, groupSlots)))];
    return `${tables.length > 1 ? `${loadForReference(table.file)}\n` : ""}for name in [${groups.map(py).join(", ")}]:
    counts = df[name].dropna().astype(str).value_counts()
    print("groups", json.dumps(name), json.dumps(counts.head(30).to_dict()))
print(df.isna().sum()[df.isna().sum() > 0].to_dict())`;
  });
  return blocks.join("\n");
}

function groupSizes(observation: string): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const lines = observation.matchAll(/^groups ("(?:[^"\\]|\\.)*") (\{.*\})$/gm);
  return new Map(
    [...lines].map(([, name = '""', counts = "{}"]) => [
      JSON.parse(name) as string,
      JSON.parse(counts) as Record<string, number>,
    ]),
  );
}

/** Whether the data, as observed, can carry the question: numbers where numbers are needed, groups that are large enough. */
function carries(
  draft: Draft,
  unusable: readonly string[],
  sizes: ReadonlyMap<string, Readonly<Record<string, number>>>,
): boolean {
  if (columnsOf(draft, valueSlots).some((name) => unusable.includes(name))) return false;
  for (const group of columnsOf(draft, groupSlots)) {
    const counts = sizes.get(group);
    if (!counts) continue;
    const least = Number(draft.slots.least ?? 1);
    if (Object.values(counts).filter((rows) => rows >= least).length < 2) return false;
    for (const level of columnsOf(draft, ["first", "second", "level"])) if ((counts[level] ?? 0) < 8) return false;
  }
  return true;
}

function runCode(drafts: readonly Draft[], from: number): string {
  const runs = drafts.map((draft, index) => `check("q${from + index}", r'''${draft.referenceCode}''')`);
  return `import contextlib, io
def check(name, code):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
        print(name + "=" + printed.getvalue().strip().splitlines()[-1][:300])
    except Exception as error:
        print(name + "=" + type(error).__name__ + ": " + str(error).splitlines()[0][:100])
${runs.join("\n")}`;
}

function printedAnswers(observation: string): ReadonlyMap<number, string> {
  return new Map([...observation.matchAll(/^q(\d+)=(.*)$/gm)].map((match) => [Number(match[1]), match[2] ?? ""]));
}

/** Whether what was printed is worth asking for: every value there, none NaN, no brackets inside, not all of it zero. */
function isAnswer(printed: string): boolean {
  const values = [...printed.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
  if (values.every((value) => Number(value) === 0)) return false;
  if (values.some((value) => value.replace(/\D/g, "").length > 11)) return false; // beyond what floats can be trusted with
  return /^@\w+\[[^[\]]+\](?: @\w+\[[^[\]]+\])*$/.test(printed) && !/\[-?(?:nan|inf|NaT|None)\]/i.test(printed);
}

interface Item {
  question: string;
  constraints: string;
  answer_format: string;
  reference_code: string;
  reference_answer: string;
  difficulty: string;
}

function finish(good: readonly { draft: Draft; printed: string }[], request: TeacherRequest, draw: Draw): Reply {
  const order = { easy: 0, medium: 1, hard: 2 };
  const sorted = [...good].sort((a, b) => order[a.draft.family.difficulty] - order[b.draft.family.difficulty]);
  const planted: Planted[] = [];
  const items = sorted.map(({ draft, printed }, index): Partial<Item> => {
    const item: Item = {
      question: draft.question,
      constraints: draft.constraints.join(" "),
      answer_format: draft.answerFormat,
      reference_code: draft.referenceCode,
      reference_answer: printed,
      difficulty: draft.family.difficulty,
    };
    const kind = chooseError(errors, request.rates, draw);
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

/** The same question in other words, which looks like a second one. */
function twin(draft: Draft, printed: string, draw: Draw): Item {
  const again = word(draft.family, draft.slots, draft.table, false, draw);
  return {
    question: again.question,
    constraints: draft.constraints.join(" "),
    answer_format: draft.answerFormat,
    reference_code: draft.referenceCode,
    reference_answer: printed,
    difficulty: draft.family.difficulty,
  };
}

function spoil(item: Item, kind: ErrorKind, draft: Draft, draw: Draw): Partial<Item> {
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
    const moved = Number(digits) * draw.pick([0.7, 1.2, 1.5, -1]) + draw.pick([1, 2, 3]);
    return `[${moved.toFixed(decimals?.length ?? 0)}]`;
  });
}
