// DSGym's tags: <reasoning>, then <python> or <answer>; observations come back in <information>.
import type { ParsedMessage, Said, Scaffold } from "../contracts.ts";
import type { FinishReason, Message } from "../domain/trajectory.ts";
import { showStep } from "./observation.ts";

const actionTags = ["python", "answer"] as const;
type ActionTag = (typeof actionTags)[number];

/** One action a message in DSGym's tags. The first finished action counts; whatever stands after it is cut off and never believed. */
export const react: Scaffold = {
  name: "react",
  about: "DSGym's tags: <reasoning>, then <python> or <answer>; one action a message",
  version: 2,
  stop: ["</python>", "</answer>"],
  open: (assignment) => [
    { role: "system", content: assignment.system },
    { role: "user", content: assignment.user },
  ],
  parse: parseMessage,
  show: showStep,
  observe: (observation, turnsLeft) =>
    user(`<information>\n${observation}\n</information>${turnsLeft === 1 ? `\n\n${lastMessage}` : ""}`),
  nudge: (why, turnsLeft) =>
    user(
      `${why} Nothing was run. Write <reasoning>...</reasoning> and then exactly one of <python>...</python> or <answer>...</answer>.${
        turnsLeft === 1 ? ` ${lastMessage}` : ""
      }`,
    ),
};

const lastMessage =
  "This is your last message: give your final answer now, as <answer>...</answer>. Code will not be run.";

function user(content: string): Message {
  return { role: "user", content };
}

function assistant(content: string): Message {
  return { role: "assistant", content };
}

const ownTagLine = /^[ \t]*<\/?(?:information|reasoning|python|answer)>/im;

function parseMessage({ text, finishReason }: Said): ParsedMessage {
  const { visible, transforms } = withoutThinking(text);
  if (visible.trim() === "") {
    // Reasoning models that ran out of tokens say nothing; endpoints and training formats refuse a message without text.
    const action = { kind: "invalid", reasoning: "", why: whyNoAction(visible, finishReason) } as const;
    return { action, message: assistant("(empty message)"), transforms: [...transforms, "mark_empty"] };
  }
  const mask = withoutReasoning(visible);
  const opening = firstOpening(mask);
  const reasoning = readReasoning(visible, opening?.start ?? visible.length);
  const invalid = (why: string): ParsedMessage => ({
    action: { kind: "invalid", reasoning, why },
    message: assistant(visible),
    transforms,
  });

  const claimed = mask.search(/<information>/i);
  if (claimed >= 0 && (opening === null || claimed < opening.start)) {
    return invalid("You wrote <information> yourself. Only the interpreter writes it, after your code has run.");
  }
  if (opening === null) return invalid(whyNoAction(visible, finishReason));

  const { tag, bodyStart } = opening;
  const closing = new RegExp(`</${tag}>`, "i").exec(visible.slice(bodyStart));
  if (closing === null) {
    if (finishReason === "length") return invalid(`Your message was cut off inside <${tag}>: it was too long.`);
    const inside = visible.slice(bodyStart);
    if (finishReason !== "stop" || ownTagLine.test(inside)) return invalid(`<${tag}> was not closed with </${tag}>.`);
    return finish(tag, reasoning, inside, `${visible}</${tag}>`, [...transforms, "close_tag"]);
  }
  const bodyEnd = bodyStart + closing.index;
  const end = bodyEnd + closing[0].length;
  const body = visible.slice(bodyStart, bodyEnd);
  // The model went on past its action, perhaps with output of its own making, and closed the tag of a later one.
  if (ownTagLine.test(body)) return invalid(`<${tag}> was not closed with </${tag}> before the next tag.`);
  // Trailing white space stays: cutting it would change recorded text for nothing.
  if (visible.slice(end).trim() === "") return finish(tag, reasoning, body, visible, transforms);
  return finish(tag, reasoning, body, visible.slice(0, end), [...transforms, "cut_after_action"]);
}

function finish(
  tag: ActionTag,
  reasoning: string,
  body: string,
  content: string,
  transforms: readonly string[],
): ParsedMessage {
  if (tag === "answer") {
    return { action: { kind: "answer", reasoning, answer: body.trim() }, message: assistant(content), transforms };
  }
  const code = unfence(body);
  const action =
    code.trim() === ""
      ? ({ kind: "invalid", reasoning, why: "<python> held no code." } as const)
      : ({ kind: "code", reasoning, code } as const);
  return { action, message: assistant(content), transforms };
}

/** Thinking that a server left in the text is not part of the conversation (chat templates drop it from earlier turns too). */
function withoutThinking(text: string): { visible: string; transforms: readonly string[] } {
  let visible = text;
  for (let close = thinkingEnd(visible); close !== null; close = thinkingEnd(visible)) {
    visible = visible.slice(close).trimStart();
  }
  return { visible, transforms: visible === text ? [] : ["drop_thinking"] };
}

function thinkingEnd(text: string): number | null {
  const close = /<\/think>/i.exec(text);
  if (close === null) return null;
  // Without the opening tag the prompt's template wrote it; but an action before it means the tag is only being talked about.
  const begun = /^\s*<think>/i.test(text) || !/<(?:reasoning|python|answer)>/i.test(text.slice(0, close.index));
  return begun ? close.index + close[0].length : null;
}

/** The text with every closed <reasoning> blanked out, same length: tags that are only mentioned there are not actions. */
function withoutReasoning(text: string): string {
  return text.replace(/<reasoning>(?:(?!<reasoning>)[\s\S])*?<\/reasoning>/gi, (span) => " ".repeat(span.length));
}

function firstOpening(text: string): { tag: ActionTag; start: number; bodyStart: number } | null {
  const match = /<(python|answer)>/i.exec(text);
  if (match === null) return null;
  const tag = actionTags.find((name) => name === match[1]?.toLowerCase());
  return tag === undefined ? null : { tag, start: match.index, bodyStart: match.index + match[0].length };
}

function readReasoning(text: string, end: number): string {
  const before = text.slice(0, end);
  const tagged = /<reasoning>([\s\S]*?)(?:<\/reasoning>|$)/i.exec(before);
  return (tagged?.[1] ?? before).trim();
}

/** Code out of a Markdown fence that fills its tag; a fence inside a string of the code is left alone. */
function unfence(body: string): string {
  const opened = /^\s*```[ \t]*[\w+-]*[ \t]*\r?\n/.exec(body);
  if (opened === null) return body.replace(/^\r?\n/, "").trimEnd();
  const rest = body.slice(opened[0].length);
  const closed = /^[ \t]*```[ \t]*$/m.exec(rest);
  return (closed === null ? rest : rest.slice(0, closed.index)).trimEnd();
}

function whyNoAction(text: string, finishReason: FinishReason): string {
  if (text.trim() === "" && finishReason !== "length") return "Your message was empty.";
  if (finishReason === "length") return "Your message was cut off before any action: it was too long.";
  if (/<(?:python|answer)>/i.test(text)) return "The action stood inside <reasoning>; it has to follow </reasoning>.";
  if (/```/.test(text)) return "Code in a Markdown fence is not run; it has to stand in <python>...</python>.";
  return "Your message held neither <python>...</python> nor <answer>...</answer>.";
}
