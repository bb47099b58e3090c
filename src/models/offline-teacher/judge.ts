// The judge: scores what can be seen in the record, criterion by criterion, with quotes from it.
import {
  chooseError,
  type ErrorKind,
  failed,
  opening,
  type Planted,
  type Reply,
  type TeacherRequest,
} from "./conversation.ts";
import { recordInOwnForm } from "./dialects.ts";
import { type Draw, drawFrom } from "./draw.ts";
import { readTask } from "./solver.ts";

const errors: readonly ErrorKind[] = ["judge_harsh", "judge_lenient", "judge_malformed"];

interface Finding {
  readonly score: number;
  readonly evidence: string;
  readonly justification: string;
}

/** The names of the criteria that a system prompt lists as `- name: description`. */
function criteriaOf(system: string): string[] {
  return [...system.matchAll(/^[-*] \**([A-Za-z][\w -]*?)\**:/gm)].map((match) => match[1] ?? "");
}

/** Whether a message is a record to review. */
export function isRecord(message: string): boolean {
  return /^# Task$/m.test(message) && /^# Record$/m.test(message);
}

/** The judge's review. */
export function review(request: TeacherRequest): Reply {
  const message = opening(request.messages);
  const system = request.messages.find((one) => one.role === "system")?.content ?? "";
  const draw = drawFrom("judge", message, request.seed);
  const error = chooseError(errors, request.rates, draw);
  const record = readRecord(message);
  const criteria = criteriaOf(system).map((name) => {
    const { score, evidence, justification } = findingFor(name, record);
    const seen =
      error === "judge_harsh" ? score * 0.35 : error === "judge_lenient" ? 0.9 + score * 0.1 : jitter(score, draw);
    return { name, score: Math.round(seen * 100) / 100, evidence, justification };
  });
  const askedAgain = request.messages.some((one) => one.role === "assistant");
  if (askedAgain) return { text: JSON.stringify({ criteria }), planted: [] };
  const planted: Planted[] = error ? [{ role: "judge", kind: error, subject: message, detail: record.answer }] : [];
  if (error !== "judge_malformed")
    return { text: dress(JSON.stringify({ criteria }), request.bareJson, draw), planted };
  // Half of them can be mended by a reader, the others have to be asked for again. One that a schema holds only leaves something out.
  const broken =
    draw.chance(0.5) && !request.shaped
      ? JSON.stringify({ criteria }).slice(0, -2)
      : JSON.stringify({ criteria: criteria.slice(1) });
  return { text: broken, planted };
}

function jitter(score: number, draw: Draw): number {
  return Math.min(1, Math.max(0, score + (draw.number() - 0.5) * 0.06));
}

function dress(text: string, bare: boolean, draw: Draw): string {
  const shape = draw.number();
  if (bare || shape < 0.7) return text;
  return shape < 0.85 ? `\`\`\`json\n${text}\n\`\`\`` : `I read the record step by step.\n\n${text}`;
}

interface RecordText {
  readonly question: string;
  readonly answerFormat: string;
  readonly constraints: string;
  readonly codes: readonly string[];
  readonly outputs: readonly string[];
  readonly answer: string;
}

function readRecord(message: string): RecordText {
  const [, taskPart = "", shown = ""] = /^# Task$([\s\S]*?)^# Record$([\s\S]*)/m.exec(message) ?? [];
  const recordPart = recordInOwnForm(shown);
  const task = readTask(taskPart.trim());
  const inside = (tag: string) =>
    [...recordPart.matchAll(new RegExp(`<${tag}>\\n?([\\s\\S]*?)\\n?</${tag}>`, "g"))].map((match) => match[1] ?? "");
  return {
    question: task?.question ?? taskPart.trim(),
    answerFormat: task?.answerFormat ?? "",
    constraints: task?.constraints ?? "",
    codes: inside("python"),
    outputs: inside("information"),
    answer: inside("answer").at(-1)?.trim() ?? "",
  };
}

function findingFor(name: string, record: RecordText): Finding {
  const asked = name.toLowerCase();
  const test = criteria.find(({ words }) => words.test(asked));
  return (test ?? overall).finding(record);
}

const executionFinding = ({ outputs, codes }: RecordText): Finding => {
  const errorsSeen = outputs.filter(failed).length;
  const last = outputs.at(-1) ?? "";
  if (codes.length === 0) return { score: 0.1, evidence: "", justification: "No code was run." };
  if (failed(last))
    return { score: 0.2, evidence: tail(last), justification: "The last step failed and was not repaired." };
  const wasted = Math.max(0, codes.length - 6) * 0.08;
  return {
    score: Math.max(0.2, 1 - 0.15 * errorsSeen - wasted),
    evidence: tail(last),
    justification:
      errorsSeen > 0
        ? `${errorsSeen} step(s) failed and were repaired.`
        : `All ${codes.length} steps ran and led to the result.`,
  };
};

const answerFinding = (record: RecordText): Finding => {
  const { answer, answerFormat, outputs } = record;
  if (answer === "") return { score: 0, evidence: "", justification: "There is no answer." };
  const names = [...answerFormat.matchAll(/@(\w+)\[/g)].map((match) => match[1] ?? "");
  const given = new Map([...answer.matchAll(/@(\w+)\[([^\]]*)\]/g)].map((match) => [match[1] ?? "", match[2] ?? ""]));
  const missing = names.filter((each) => !given.has(each));
  const values = given.size > 0 ? [...given.values()] : [answer];
  const unseen = values.filter((value) => !outputs.some((output) => output.includes(value)));
  const last = outputs.at(-1) ?? "";
  const early = unseen.length === 0 && values.some((value) => !last.includes(value));
  const unlabelled =
    unseen.length === 0 &&
    missing.length === 0 &&
    [...given.keys()].every((each) => !new RegExp(`\\b${each}\\b`).test(last));
  let score = 1;
  const faults: string[] = [];
  if (missing.length > 0) {
    score -= 0.4;
    faults.push(`the format asks for ${missing.map((each) => `@${each}`).join(", ")}, which is missing`);
  }
  if (unseen.length > 0) {
    score -= 0.6;
    faults.push(`${unseen.join(", ")} stands in no output`);
  }
  if (early || unlabelled) {
    score -= 0.4;
    faults.push("the value was not computed as the result of the last step");
  }
  return {
    score: Math.max(0, score),
    evidence: excerpt(answer),
    justification:
      faults.length > 0
        ? `${capital(faults.join("; "))}.`
        : "Every value stands in the last output and in the format asked for.",
  };
};

const alignmentFinding = ({ question, constraints, codes, answer }: RecordText): Finding => {
  const code = codes.join("\n");
  // A sheet is named with its file, and read by the two apart.
  const columns = [...question.matchAll(/"((?:[^"\\]|\\.)+)"/g)].map((match) =>
    (match[1] ?? "").replace(/ sheet \\".*$/, ""),
  );
  const unused = columns.filter((column) => !code.includes(column));
  const share = columns.length === 0 ? 1 : 1 - unused.length / columns.length;
  const places = /(\d) decimal/.exec(constraints)?.[1];
  const decimals = [...answer.matchAll(/\d\.(\d+)\]/g)].map((match) => (match[1] ?? "").length);
  const misrounded = places !== undefined && decimals.some((count) => count > Number(places));
  const finished = answer !== "";
  return {
    score: (share === 1 ? 1 : 0.5 * share) * (misrounded ? 0.7 : 1) * (finished ? 1 : 0.3),
    evidence: excerpt(constraints || question),
    justification:
      unused.length > 0
        ? `The code never uses ${unused.join(", ")}, which the question names.`
        : misrounded
          ? `The answer is not rounded to ${places} decimals.`
          : finished
            ? "The code uses the columns that the question names and follows its constraints."
            : "The work ends without an answer to the question.",
  };
};

const taskFinding = ({ question, constraints }: RecordText): Finding => ({
  score: constraints.length > 40 ? 0.92 : 0.5,
  evidence: excerpt(question),
  justification:
    constraints.length > 40
      ? "The question names its columns and the constraints fix the choices that matter."
      : "The constraints leave open choices that change the answer.",
});

const teachingFinding = ({ question, codes, outputs, answer }: RecordText): Finding => ({
  score:
    (answer === "" ? 0.4 : 0.6) + Math.min(0.35, 0.1 * codes.length) - (outputs.filter(failed).length > 2 ? 0.2 : 0),
  evidence: excerpt(question),
  justification: `The record shows ${codes.length} step(s) of work that builds on what was printed before.`,
});

const overall = {
  finding: (record: RecordText): Finding => {
    const found = [executionFinding(record), answerFinding(record), alignmentFinding(record)];
    const worst = found.reduce((a, b) => (b.score < a.score ? b : a));
    return { ...worst, score: found.reduce((sum, one) => sum + one.score, 0) / found.length };
  },
};

const criteria: readonly { readonly words: RegExp; readonly finding: (record: RecordText) => Finding }[] = [
  { words: /execution|code|efficien|repair|process/, finding: executionFinding },
  { words: /answer|correct|result|format|ground|faithful/, finding: answerFinding },
  { words: /align|constraint|method|relevan|follow/, finding: alignmentFinding },
  { words: /clarity|clear|feasib|ambigu|question/, finding: taskFinding },
  { words: /educat|teach|learn|value|difficult|reason/, finding: teachingFinding },
];

function excerpt(text: string): string {
  return text.split("\n")[0]?.slice(0, 160) ?? "";
}

function tail(output: string): string {
  return output.trimEnd().split("\n").at(-1)?.slice(0, 160) ?? "";
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
