import { isRecord, parseJson } from "../domain/reply-json.ts";
import type { Task } from "../domain/task.ts";
import type { Message, Trajectory } from "../domain/trajectory.ts";

/** A task as the judge sees it: what the agent was asked, and nothing of the reference. */
export function taskText(task: Task): string {
  return [
    `Data files:\n${task.dataset.files.map(({ name }) => `- /data/${name}`).join("\n")}`,
    task.context.trim() === "" ? "" : `Context:\n${task.context.trim()}`,
    `Question:\n${task.question}`,
    task.constraints.trim() === "" ? "" : `Constraints:\n${task.constraints}`,
    task.answerFormat.trim() === "" ? "" : `Answer format:\n${task.answerFormat}`,
    task.submission === undefined ? "" : `Submission file, read by a program and not by you:\n${task.submission.path}`,
  ]
    .filter((part) => part !== "")
    .map(withoutHeadings)
    .join("\n\n");
}

/**
 * What was said after the assignment, as `[assistant]`, `[user]` and `[tool]` blocks of at most `maxChars` in all; what is left out is marked where it
 * was. Lines that look like the record's own headings are indented, so that no output can pose as another speaker.
 */
export function recordText({ messages, turns }: Trajectory, maxChars: number): string {
  const said = messages.slice(turns[0]?.message ?? messages.length);
  const whole = said.map(block).join("\n\n");
  if (whole.length <= maxChars) return whole;
  // Long outputs go first: every block gets an even share, and what the short ones leave over goes to the long ones.
  const share = evenShare(
    said.map((message) => block(message).length),
    maxChars,
  );
  const cut = said
    .map((message) => block({ role: message.role, content: cutMiddle(textOf(message), share) }))
    .join("\n\n");
  return cut.length <= maxChars * 1.1 ? cut : cutMiddle(cut, maxChars);
}

function block(message: Message): string {
  return `[${message.role}]\n${withoutHeadings(textOf(message))}`;
}

/** What a message says, its calls included: of a call that holds code, the code. */
function textOf({ content, toolCalls = [] }: Message): string {
  const calls = toolCalls.map(({ name, arguments: text }) => `Call of ${name}:\n${codeOf(text) ?? text}`);
  return [content.trim(), ...calls].filter((part) => part !== "").join("\n");
}

function codeOf(text: string): string | null {
  const call = parseJson(text);
  return isRecord(call) && typeof call.code === "string" ? call.code : null; // shown as it is
}

const heading = /^(?=\[(?:assistant|user|system|tool)\]|# (?:Task|Record)\s*$|Review this record\.)/gm;

function withoutHeadings(text: string): string {
  return text.replace(heading, " ");
}

function evenShare(lengths: readonly number[], budget: number): number {
  const ascending = [...lengths].sort((a, b) => a - b);
  let left = budget;
  for (const [index, length] of ascending.entries()) {
    const share = left / (ascending.length - index);
    if (length > share) return Math.max(200, Math.floor(share) - 80);
    left -= length;
  }
  return budget;
}

function cutMiddle(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const half = Math.floor(maxChars / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n[... ${left.toLocaleString("en-US")} characters of this record left out here ...]\n${text.slice(-half)}`;
}
