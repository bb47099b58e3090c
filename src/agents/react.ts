// DSGym's tags: <reasoning>, then <python> or <answer>; observations come back in <information>.
import type { ParsedMessage, Said, Scaffold } from "../contracts.ts";
import type { FinishReason } from "../domain/trajectory.ts";
import { nudgeText, opening, turnsNotice, user } from "./notices.ts";
import { showStep } from "./observation.ts";
import { droppedCalls, nothingSaid, spoken, thoughtOf, unfence, withoutReasoning, withoutThinking } from "./reading.ts";

const actionTags = ["python", "answer"] as const;
type ActionTag = (typeof actionTags)[number];

/** One action a message in DSGym's tags. The first finished action counts; whatever stands after it is cut off and never believed. */
export const react: Scaffold = {
  name: "react",
  about: "DSGym's tags: <reasoning>, then <python> or <answer>; one action a message",
  version: 3,
  stop: ["</python>", "</answer>"],
  open: opening,
  parse: parseMessage,
  show: showStep,
  observe: (observation, turnsLeft) => user(`<information>\n${observation}\n</information>\n\n${notice(turnsLeft)}`),
  nudge: (why, turnsLeft) => user(nudgeText(why, instead, notice(turnsLeft))),
};

const instead =
  "Write <reasoning>...</reasoning> and then exactly one of <python>...</python> or <answer>...</answer>.";

function notice(turnsLeft: number): string {
  return turnsNotice(turnsLeft, "as <answer>...</answer>");
}

const ownTagLine = /^[ \t]*<\/?(?:information|reasoning|python|answer)>/im;

function parseMessage(said: Said): ParsedMessage {
  const { finishReason } = said;
  const { visible, transforms: before } = withoutThinking(said.text, /<(?:reasoning|python|answer)>/i);
  if (visible.trim() === "") return nothingSaid(said, before);
  const transforms = [...before, ...droppedCalls(said)];
  const mask = withoutReasoning(visible);
  const opening = firstOpening(mask);
  const reasoning = readReasoning(visible, opening?.start ?? visible.length) || thoughtOf(said);
  const invalid = (why: string): ParsedMessage => ({
    action: { kind: "invalid", reasoning, why },
    message: spoken(visible, said),
    transforms,
  });
  const finish = (inside: string, content: string, changes: readonly string[]): ParsedMessage => {
    const message = spoken(content, said);
    const names = [...transforms, ...changes];
    if (opening?.tag === "answer") {
      return { action: { kind: "answer", reasoning, answer: inside.trim() }, message, transforms: names };
    }
    const code = unfence(inside);
    return code.trim() === ""
      ? { action: { kind: "invalid", reasoning, why: "<python> held no code." }, message, transforms: names }
      : { action: { kind: "code", reasoning, code }, message, transforms: names };
  };

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
    return finish(inside, `${visible}</${tag}>`, ["close_tag"]);
  }
  const bodyEnd = bodyStart + closing.index;
  const end = bodyEnd + closing[0].length;
  const body = visible.slice(bodyStart, bodyEnd);
  // The model went on past its action, perhaps with output of its own making, and closed the tag of a later one.
  if (ownTagLine.test(body)) return invalid(`<${tag}> was not closed with </${tag}> before the next tag.`);
  // Trailing white space stays: cutting it would change recorded text for nothing.
  if (visible.slice(end).trim() === "") return finish(body, visible, []);
  return finish(body, visible.slice(0, end), ["cut_after_action"]);
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

function whyNoAction(text: string, finishReason: FinishReason): string {
  if (finishReason === "length") return "Your message was cut off before any action: it was too long.";
  if (/<(?:python|answer)>/i.test(text)) return "The action stood inside <reasoning>; it has to follow </reasoning>.";
  if (/```/.test(text)) return "Code in a Markdown fence is not run; it has to stand in <python>...</python>.";
  return "Your message held neither <python>...</python> nor <answer>...</answer>.";
}
