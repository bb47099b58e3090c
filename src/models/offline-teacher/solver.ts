// The solver: reads the task's text, looks at the data, works step by step, and answers with what it read in the outputs.
import {
  answerTurn,
  chooseError,
  codeTurn,
  type ErrorKind,
  failed,
  observations,
  opening,
  type Planted,
  type Reply,
  type TeacherRequest,
  turnsLeft,
} from "./conversation.ts";
import { type Draw, drawFrom } from "./draw.ts";
import { fileMeant, loadForSolving } from "./loading.ts";
import { type LookFacts, lookCode, readFacts } from "./look.ts";
import { type Plan, planFor } from "./plan.ts";
import { type KnownQuestion, recognise } from "./question.ts";
import { altered, coarser, hasty, invented, spoiltCode, type Turn, wander, written } from "./slips.ts";

const errors: readonly ErrorKind[] = [
  "wrong_column",
  "forgotten_constraint",
  "exception_repaired",
  "hallucinated",
  "no_answer",
  "wrong_format",
  "early_stop",
  "off_by_one",
  "rounding_slip",
  "too_much_output",
  "ran_out_of_time",
];

interface TaskText {
  readonly file: string;
  readonly question: string;
  readonly constraints: string;
  readonly answerFormat: string;
}

const taskParts =
  /^([\s\S]*?)(?:^|\n)Question:\n([\s\S]*?)(?:\n\nConstraints:\n([\s\S]*?))?(?:\n\nAnswer format:\n([\s\S]*))?$/;

/** The parts of a task message, empty where one is missing; null when it asks no question. */
export function readTask(message: string): TaskText | null {
  const found = taskParts.exec(message);
  if (!found) return null;
  const [, files = "", question = "", constraints = "", answerFormat = ""] = found;
  return { file: fileMeant(files, constraints), question, constraints, answerFormat };
}

/** The solver's next message. */
export function solve(request: TeacherRequest, task: TaskText): Reply {
  const subject = opening(request.messages);
  const draw = drawFrom("solve", subject, request.seed);
  const error = chooseError(errors, request.rates, draw);
  const seen = observations(request.messages);
  const known = recognise(task.question, task.constraints);
  if (!known) return explore(task, seen);
  const reply = attempt({ request, task, known, error, seen, draw });
  const planted: Planted[] =
    reply.errs && error ? [{ role: "solver", kind: error, subject, detail: known.family.name }] : [];
  return { text: reply.text, planted };
}

interface Attempt {
  readonly request: TeacherRequest;
  readonly task: TaskText;
  readonly known: KnownQuestion;
  readonly error: ErrorKind | null;
  readonly seen: readonly string[];
  readonly draw: Draw;
}

/** The next message; `errs` marks the one in which the planted error first shows. */
function attempt({ request, task, known, error, seen, draw }: Attempt): Turn {
  const { family } = known;
  const left = turnsLeft(request.messages);
  const first = seen[0];
  if (first === undefined) {
    return { text: codeTurn(openingThought(task, draw), lookCode(task.file, known.slots)), errs: false };
  }
  const facts = readFacts(first);
  if (error === "no_answer") return wander(seen, facts, draw, isNudged(request));
  if (error === "hallucinated") {
    return { text: answerTurn("The first rows make it clear enough.", invented(family, facts, draw)), errs: true };
  }
  const asUnderstood = altered(known, error, facts, draw);
  const plan = planOf(asUnderstood, facts, error, request);
  const trail = follow(plan, error, seen.slice(1));
  const next = plan.steps[trail.done];
  if (trail.lost > 1 || (left <= 1 && next)) {
    return { text: answerTurn("I could not get to a result.", "I could not compute an answer."), errs: false };
  }
  if (error === "early_stop" && trail.done === plan.core + 1) {
    return {
      text: answerTurn("This output is what was asked for.", hasty(family, seen.at(-1) ?? "", facts)),
      errs: true,
    };
  }
  if (trail.lost === 1 && next) {
    const all = [loadForSolving(task.file), ...plan.steps.slice(0, trail.done + 1).map((step) => step.code)].join("\n");
    return { text: codeTurn("That did not work. I start again from the file, in one piece.", all), errs: false };
  }
  if (next) {
    const atCore = trail.done === plan.core;
    const spoilt = atCore && trail.repairs === 0 ? spoiltCode(error, next.code, asUnderstood.slots) : null;
    if (spoilt !== null) return { text: codeTurn(spoilt.think ?? next.think, spoilt.code), errs: true };
    const last = seen.at(-1) ?? "";
    const remark =
      trail.repairs > 0 && atCore
        ? repairThought(error)
        : trail.done > 0 && failed(last)
          ? "That failed, but the answer does not need it, so I go on without."
          : plan.steps[trail.done - 1]?.remark?.(last);
    const think = remark ? `${remark} ${next.think}` : next.think;
    return { text: codeTurn(think, fenced(next.code, draw)), errs: atCore && asUnderstood !== known };
  }
  return answer(known, seen.at(-1) ?? "", error, request, draw);
}

/** The same plan in every message of a conversation: it depends on what the first look showed and on nothing later. */
function planOf(known: KnownQuestion, facts: LookFacts, error: ErrorKind | null, request: TeacherRequest): Plan {
  const limit = turnsLeft(request.messages) + request.messages.filter(({ role }) => role === "assistant").length;
  const draw = drawFrom("plan", opening(request.messages), request.seed);
  return planFor(known, facts, Math.min(7, limit - 4), { inPieces: error === "early_stop" }, draw);
}

/** Whether an output says that the variables are gone. */
function stateLost(output: string): boolean {
  return /^\[.*\bvariables, imports and functions are gone/m.test(output);
}

function repairThought(error: ErrorKind | null): string {
  return error === "too_much_output"
    ? "That was far too much to read, and it answers nothing: I print only what I need."
    : "A KeyError: I wrote the column's name wrongly. The listing above shows the right one.";
}

/** How far the outputs show the steps to have come: steps done, repairs of the planted slip, failures nobody planted. */
function follow(plan: Plan, error: ErrorKind | null, outputs: readonly string[]) {
  let done = 0;
  let repairs = 0;
  let lost = 0;
  for (const output of outputs) {
    const repaired = error === "exception_repaired" ? /^KeyError\b/m.test(output) : error === "too_much_output";
    if (repaired && done === plan.core && repairs === 0) repairs++;
    else if (failed(output) && (done >= plan.detours || lost > 0 || stateLost(output))) lost++;
    else {
      done++;
      lost = 0;
    }
  }
  return { done, repairs, lost };
}

function openingThought(task: TaskText, draw: Draw): string {
  return draw.pick([
    `The question is about ${task.file}. I load it and see what its columns look like.`,
    "First I look at the data: shape, types, missing values.",
    "Let me read the file and check the columns that the question names before computing anything.",
    "Before any computing: which columns are there, of what type, and how complete?",
    "I start by reading the data and comparing its columns with those in the question.",
  ]);
}

function fenced(code: string, draw: Draw): string {
  return draw.chance(0.03) ? `\`\`\`python\n${code.trim()}\n\`\`\`` : code;
}

/** Whether the last message is no output but a word about the form of the message before it. */
function isNudged(request: TeacherRequest): boolean {
  return !/^\s*<information>/.test(request.messages.at(-1)?.content ?? "");
}

function answer(
  { family, slots }: KnownQuestion,
  output: string,
  error: ErrorKind | null,
  request: TeacherRequest,
  draw: Draw,
): Turn {
  const values = new Map(
    [...output.matchAll(/^(\w+) = (.*)$/gm)].map((match) => [match[1] ?? "", (match[2] ?? "").trim()]),
  );
  if (family.answers.some(({ name }) => !values.has(name))) {
    return { text: answerTurn("The output does not show what I need.", "I could not compute an answer."), errs: false };
  }
  const right = written(family, ({ name }) => values.get(name) ?? "");
  const think = draw.pick([
    `The last output gives ${[...values].map(([name, value]) => `${name} = ${value}`).join(", ")}, computed under the constraints asked for.`,
    "The numbers are in the output above, and they were computed as the constraints say.",
    `Everything asked for stands in the last output${"places" in slots ? `, with the ${slots.places} decimals wanted` : ""}.`,
    `That settles it: ${[...values.values()].join(", ")}.`,
  ]);
  if (error === "rounding_slip") {
    const coarse = written(family, ({ name }) => coarser(values.get(name) ?? ""));
    return { text: answerTurn(think, coarse), errs: coarse !== right };
  }
  if (error !== "wrong_format") return { text: answerTurn(think, right), errs: false };
  const nudged = isNudged(request);
  const shape = draw.pick(["bare", "untagged", "fence", "prose"]);
  if (shape === "untagged")
    return { text: nudged ? answerTurn(think, right) : `${think}\n\nThe answer is ${right}.`, errs: !nudged };
  if (shape === "bare") return { text: answerTurn(think, [...values.values()].join(" and ")), errs: true };
  if (shape === "fence") return { text: answerTurn(think, `\`\`\`\n${right}\n\`\`\``), errs: true };
  return { text: answerTurn(think, `Based on the analysis, the result is ${right}, as required.`), errs: true };
}

/** A question that is none of ours: look, look closer, and say so. */
function explore(task: TaskText, seen: readonly string[]): Reply {
  const say = (text: string): Reply => ({ text, planted: [] });
  if (task.file === "")
    return say(answerTurn("No data file is named.", "I cannot answer this: no data file is named."));
  if (seen.length === 0) return say(codeTurn("I look at the data first.", lookCode(task.file, null)));
  if (seen.length === 1 && !failed(seen[0] ?? "")) {
    return say(
      codeTurn(
        "A closer look at how often values occur.",
        `for name in df.columns[:12]:\n    print(df[name].astype(str).value_counts().head(3).to_string())`,
      ),
    );
  }
  return say(
    answerTurn(
      "This is not a kind of question that I know how to work out, and I will not make up an answer.",
      "I cannot answer this question.",
    ),
  );
}
