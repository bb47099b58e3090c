// Fenced code: the first ```python fence of a message is run; the answer stands in <answer>, outside of any fence.
import type { ParsedMessage, Said, Scaffold } from "../contracts.ts";
import { nudgeText, opening, turnsNotice, user } from "./notices.ts";
import { showStep } from "./observation.ts";
import {
  answering,
  droppedCalls,
  type Fence,
  fencedAnswer,
  fencesOf,
  findAnswer,
  insideOf,
  masked,
  nothingSaid,
  spoken,
  thoughtOf,
  withoutThinking,
} from "./reading.ts";

const heading = "Output of the code:";

/** The first ```python fence of a message is its action, unless an <answer> comes before it; whatever stands after it is cut off. */
export const codeAct: Scaffold = {
  name: "code-act",
  about: "fenced code: the first ```python fence of a message is run; the answer in <answer>",
  version: 1,
  stop: ["</answer>", `\n${heading}`],
  open: opening,
  parse: parseMessage,
  show: showStep,
  observe: (observation, turnsLeft) => user(`${heading}\n${observation}\n\n${notice(turnsLeft)}`),
  nudge: (why, turnsLeft) => user(nudgeText(why, instead, notice(turnsLeft))),
};

const instead = "Write what you will do and then exactly one of a ```python fence or <answer>...</answer>.";

function notice(turnsLeft: number): string {
  return turnsNotice(turnsLeft, "as <answer>...</answer>");
}

const pythonLanguages = new Set(["python", "python3", "py", "ipython", "ipython3", "{python}", "python:"]);

function parseMessage(said: Said): ParsedMessage {
  const { visible, transforms } = withoutThinking(said.text, /```|~~~|<answer>/i);
  if (visible.trim() === "") return nothingSaid(said, transforms);
  const fences = fencesOf(visible);
  const mask = masked(visible, fences);
  const named = fences.filter(({ language }) => pythonLanguages.has(language));
  const answer = findAnswer(visible, mask, named) ?? (named.length === 0 ? fencedAnswer(visible, fences) : null);
  // A fence without a language is code where nothing else is an action.
  const code = named[0] ?? (answer === null ? fences.find(({ language }) => language === "") : undefined);

  const first = Math.min(answer?.start ?? visible.length, code?.start ?? visible.length);
  const claimed = mask.search(/^Output of the code:|<information>/m);
  if (claimed >= 0 && claimed < first) {
    return refused("You wrote the output yourself. Only the interpreter writes it, after your code has run.");
  }
  if (answer !== null && answer.start <= first) return answering(visible, answer, said, transforms);
  return code === undefined ? refused(whyNoAction(visible, fences, said)) : running(code);

  function refused(why: string): ParsedMessage {
    return {
      action: { kind: "invalid", reasoning: visible.trim(), why },
      message: spoken(visible, said),
      transforms: [...transforms, ...droppedCalls(said)],
    };
  }

  function running(fence: Fence): ParsedMessage {
    if (!fence.closed) {
      if (said.finishReason === "length") return refused("Your message was cut off inside the code: it was too long.");
      if (said.finishReason !== "stop") return refused("The code was not closed with ``` on a line of its own.");
      // The stop sequence struck inside of the code.
      if (/<answer>/i.test(visible.slice(fence.bodyStart))) {
        return refused(
          "<answer> stood inside the code; it has to stand outside of any fence, in a message of its own.",
        );
      }
    }
    const inside = insideOf(visible, fence);
    if (inside.trim() === "") return refused("The fence held no code.");
    const action = {
      kind: "code",
      reasoning: visible.slice(0, fence.start).trim() || thoughtOf(said),
      code: inside,
    } as const;
    const ended = visible.slice(fence.end).trim() === "";
    const [content, changes] = fence.closed
      ? [ended ? visible : visible.slice(0, fence.end), ended ? [] : ["cut_after_action"]]
      : [`${visible}${visible.endsWith("\n") ? "" : "\n"}${fence.indent}${fence.marker}`, ["close_fence"]];
    return { action, message: spoken(content, said), transforms: [...transforms, ...changes, ...droppedCalls(said)] };
  }
}

function whyNoAction(text: string, fences: readonly Fence[], { finishReason }: Said): string {
  if (finishReason === "length") return "Your message was cut off before any action: it was too long.";
  if (/<answer>/i.test(text)) return "The <answer> stood inside a fence, or where it is only talked about.";
  const other = fences.find(({ language }) => language !== "");
  if (other !== undefined) return `Only a \`\`\`python fence is run, not \`\`\`${other.language.slice(0, 40)}.`;
  if (/<python>|<tool_call>|<execute>/i.test(text))
    return "Code in tags is not run; it has to stand in a ```python fence.";
  return "Your message held neither a ```python fence nor <answer>...</answer>.";
}
