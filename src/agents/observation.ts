import { clip } from "../domain/clip.ts";
import type { BoundedText, StepEnd, StepResult } from "../domain/trajectory.ts";
import { asTerminal } from "./terminal.ts";

const stderrChars = 2_000;
const tracebackChars = 6_000;
const streamChars = 40_000;

/**
 * What an agent is told about a step, as a notebook would show it: stdout, result, stderr, traceback, where the rest of a long output is,
 * what became of its pictures, and how the step ended.
 */
export function showStep(step: StepResult): string {
  const stdout = clip(show(step.stdout), streamChars, leftOutHere);
  const result = step.result === null ? "" : clip(show(step.result), streamChars, leftOutHere);
  const stderr = clip(show(step.stderr), stderrChars, leftOutHere);
  const parts = [stdout, result, stderr === "" ? "" : `[stderr]\n${stderr}`, showException(step)];
  parts.push(showSaved(step), showPictures(step), showEnd(step));
  const said = parts.filter((part) => part !== "");
  return said.length === 0 ? "(no output)" : said.join("\n");
}

function showException(step: StepResult): string {
  if (step.exception === null) return "";
  const traceback = clip(show(step.exception.traceback), tracebackChars, leftOutHere);
  const last = clean(`${step.exception.name}: ${step.exception.value}`).trim();
  if (traceback === "") return clip(last, tracebackChars, leftOutHere);
  return traceback.includes(`${step.exception.name}`)
    ? traceback
    : `${traceback}\n${clip(last, tracebackChars, leftOutHere)}`;
}

/** What the supervisor saves of one step (runner/_inside/pages.py), and how much of it an agent reads at a time. */
const savedBytes = 1024 * 1024;
const pageChars = 16_000;

function showSaved(step: StepResult): string {
  if (step.savedOutput === null) return "";
  const cut = [step.stdout, step.result].find((text) => text !== null && text.droppedBytes > 0);
  const start = cut ? cut.head.length : 0;
  const end = start + (cut ? Math.min(cut.head.length + cut.tail.length, pageChars) : pageChars);
  const bytes = [step.stdout, step.result, step.stderr].reduce(
    (sum, text) => sum + (text === null ? 0 : sizeOf(text)),
    0,
  );
  const what = bytes > savedBytes ? "The first MiB of the output is in" : "The whole output is in";
  const rest = bytes > savedBytes ? " The rest is gone." : "";
  const page = `print(open("${step.savedOutput}").read()[${start}:${end}])`;
  return `[${what} ${step.savedOutput}.${rest} To read on: ${page}]`;
}

function sizeOf(text: BoundedText): number {
  return Buffer.byteLength(text.head) + Buffer.byteLength(text.tail) + text.droppedBytes;
}

function showPictures(step: StepResult): string {
  const count = step.pictures.length;
  if (count === 0) return "";
  const what = count === 1 ? "1 picture is" : `${count} pictures are`;
  return `[${what} kept with the record. You cannot see pictures: print the numbers you need.]`;
}

const lost = "Python was started again: all variables, imports and functions are lost, files in /scratch remain.";
const kept = "Variables from before are still there.";

const endings: Record<StepEnd, (step: StepResult) => string> = {
  ok: (step) => (step.stateLost ? `[${lost}]` : ""),
  error: (step) => (step.stateLost ? `[${lost}]` : ""),
  timeout: (step) =>
    ending(step, `Time limit${of(step)} exceeded; the step was stopped.`, "Do less in one step, or on fewer rows."),
  oom: (step) =>
    ending(step, `Memory limit${of(step)} exceeded${because(step)}.`, "Read fewer columns or rows, or work in parts."),
  output_limit: (step) =>
    ending(step, `Output limit${of(step)} exceeded; the step was stopped.`, "Print a summary instead."),
  exited: (step) =>
    ending(
      step,
      `The Python process ended in this step${because(step)}.`,
      "Do not leave the interpreter from your code.",
    ),
  protocol_violation: (step) =>
    ending(
      step,
      "The code wrote to a channel that belongs to Python itself, so it was ended.",
      "Use print() or files in /scratch.",
    ),
  killed: (step) => `[The code ended its own sandbox${because(step)}. No further step can be run.]`,
};

function showEnd(step: StepResult): string {
  return endings[step.end](step);
}

/** What happened, what is left of the state, and what to do next time. */
function ending(step: StepResult, what: string, advice: string): string {
  return `[${what} ${step.stateLost ? lost : kept} ${advice}]`;
}

function of({ limit }: StepResult): string {
  return limit === undefined ? "" : ` (${limit})`;
}

function because({ detail }: StepResult): string {
  return detail === undefined ? "" : `: ${clean(detail)}`;
}

function show(text: BoundedText): string {
  const head = clean(text.head);
  if (text.droppedBytes === 0) return (head + clean(text.tail)).replace(/\s+$/, "");
  return `${head.trimEnd()}\n${leftOut(text.droppedBytes, "bytes")}\n${clean(text.tail)}`.replace(/\s+$/, "");
}

function leftOutHere(characters: number): string {
  return leftOut(characters, "characters");
}

function leftOut(count: number, unit: string): string {
  return `[... ${count.toLocaleString("en-US")} ${unit} of output left out here ...]`;
}

function clean(text: string): string {
  return neutralise(asTerminal(text));
}

// Tokens of chat templates, our own tags, and our word on the messages left: text that came out of data must not end a message or pose as
// the agent or as us.
const special =
  /\[(?=\d+ messages? left\]|This is your last message)|<\|([^|<>\n]{1,40})\|>|<(\/?)(s|tool_call|tool_response|information|think|start_of_turn|end_of_turn|bos|eos)>|\[(\/?)(INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<<(\/?)SYS>>|<｜([^<>\n]{1,40})｜>/gi;

/** A space after the opening bracket keeps the text readable and stops a tokenizer from seeing a special token. */
function neutralise(text: string): string {
  return text.replace(special, (token) => `${token[0]} ${token.slice(1)}`);
}
