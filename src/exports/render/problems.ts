// What a row breaks once it is rendered: the CT rules, its length, and a loss that falls on nothing.
import type { Passage, Renderer } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation } from "../../domain/example.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type LineProblem } from "../chat-line.ts";

export interface RenderRules {
  readonly renderer: Renderer;
  /** The target's number for the length of a row. */
  readonly length?: { readonly rule: string; readonly most?: number } | undefined;
  /** The user's own limit, which wins. */
  readonly maxTokens?: number | undefined;
  /** The target's number for "the template keeps what it wrote when more follows". */
  readonly prefixes?: string | undefined;
  /** The row holds arguments as text, which templates print as it is (CT-R3). */
  readonly argumentsAsText?: boolean;
}

/** Problems of one row as a trainer would see it: its length, CT-R1..R4, and C7 where no token carries loss. */
export function renderProblems(conversation: Conversation, rules: RenderRules): LineProblem[] {
  const { renderer, length, maxTokens } = rules;
  const problems: LineProblem[] = [...structureProblems(conversation)];
  if (rules.argumentsAsText === true) problems.push(...separatorProblems(conversation));
  try {
    const most = maxTokens ?? length?.most;
    const tokens = renderer.count(conversation);
    if (most !== undefined && tokens > most)
      problems.push({
        rule: length?.rule ?? "LENGTH",
        field: "messages",
        message:
          `Expected at most ${most} tokens, got ${tokens}${renderer.exact ? "" : " (an estimate)"}: the trainer would cut it; ` +
          "leave it out, or export with `length` (docs/rendering.md)",
      });
    if (!renderer.exact) return problems;
    const unstable = rules.prefixes === undefined ? null : (renderer.unstableMessage?.(conversation) ?? null);
    if (rules.prefixes !== undefined && unstable !== null)
      problems.push({
        rule: rules.prefixes,
        field: `messages[${unstable}]`,
        message:
          "Expected the template to keep what it wrote before this message, got other text: this trainer compares beginnings, and fails or masks wrongly; " +
          "another template, one row a step, or the format `tokenised`",
      });
    return [...problems, ...passageProblems(conversation, renderer.render(conversation))];
  } catch (error) {
    // What the template says of this row is the finding.
    if (!(error instanceof UsageError)) throw error;
    return [...problems, { rule: "CT-R1", field: "messages", message: error.message }];
  }
}

/** CT-R4: one system message at most, and that first; somebody asks. */
function* structureProblems({ messages }: Conversation): Generator<LineProblem> {
  for (const [index, { role }] of messages.entries())
    if (role === "system" && index > 0)
      yield {
        rule: "CT-R4",
        field: `messages[${index}].role`,
        message: "Expected one system message, first; templates of Qwen3.5 and later refuse others",
      };
  if (!messages.some(({ role }) => role === "user"))
    yield { rule: "CT-R4", field: "messages", message: "Expected a user message, got none" };
}

/** CT-R3: text that the template prints as it is has to look as the template itself would write the object. */
function* separatorProblems({ messages }: Conversation): Generator<LineProblem> {
  for (const [index, { toolCalls = [] }] of messages.entries())
    for (const [at, { arguments: text }] of toolCalls.entries()) {
      if (parseJson(text) === undefined || spacedAsPython(text) === text) continue;
      yield {
        rule: "CT-R3",
        field: `messages[${index}].tool_calls[${at}].function.arguments`,
        message:
          "Expected arguments spaced as Python's json.dumps writes them (`: ` and `, `), as templates write objects; got other spacing",
        severity: "warning",
      };
    }
}

/** JSON text with the separators and letters of `json.dumps(…, ensure_ascii=False)`; numbers stay as they are spelled. */
function spacedAsPython(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|\s*([:,])\s*|\s+/g, (_all, string?: string, separator?: string) =>
    string === undefined ? (separator === undefined ? "" : `${separator} `) : JSON.stringify(JSON.parse(string)),
  );
}

/** A value as `json.dumps(value, ensure_ascii=False)` writes it. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${pythonJson(inner)}`)
    .join(", ")}}`;
}

function* passageProblems(conversation: Conversation, passages: readonly Passage[]): Generator<LineProblem> {
  const text = passages.map((passage) => passage.text).join("");
  for (const [index, message] of conversation.messages.entries()) {
    for (const [at, call] of (message.toolCalls ?? []).entries()) {
      const field = `messages[${index}].tool_calls[${at}].function.arguments`;
      const how = spelling(text, call.arguments);
      if (how === "once") continue;
      yield {
        rule: "CT-R1",
        field,
        message:
          how === "twice"
            ? "Expected the arguments once encoded in what the trainer sees, got them encoded twice; give this template arguments as objects"
            : "Expected the arguments in what the trainer sees, got them nowhere: the template drops calls; use another template, or the tags of the scaffold `react`",
      };
    }
    const { reasoning } = message;
    if (message.train && reasoning !== undefined && !text.includes(reasoning.trim()))
      yield {
        rule: "CT-R2",
        field: `messages[${index}].reasoning`,
        message:
          "Expected the thinking of a trained message in what the trainer sees, got it nowhere: the template drops it; one row a step (`export.perStep: true`), or a training template",
      };
  }
  if (!passages.some(({ trained }) => trained))
    yield { rule: "C7", field: "messages", message: "Expected at least one token with loss, got none; drop the row" };
  for (const problem of observationProblems(conversation, passages)) yield problem;
}

// Shorter ones stand in an answer by chance.
const tellingCharacters = 40;

/** UN-R1: no passage with loss holds an observation. */
export function* observationProblems({ messages }: Conversation, passages: readonly Passage[]): Generator<LineProblem> {
  const own = messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
  for (const [index, { role, content }] of messages.entries()) {
    if (role === "assistant" || content.length < tellingCharacters || own.some((said) => said.includes(content)))
      continue;
    if (passages.some(({ trained, text }) => trained && text.includes(content)))
      yield {
        rule: "UN-R1",
        field: `messages[${index}]`,
        message: `Expected loss on assistant messages only, got it on a ${role} message`,
      };
  }
}

/** How often a call's arguments were encoded on their way into the rendering. */
function spelling(rendered: string, text: string): "once" | "twice" | "nowhere" {
  const value = parseJson(text);
  const again = [text, pythonJson(value ?? text)].flatMap(spellings);
  if (again.some((form) => rendered.includes(form))) return "twice";
  const texts = isObject(value) ? Object.values(value).filter((inner) => typeof inner === "string") : [text];
  // A template may print a text as it is, or as JSON.
  const there = (inner: string) => [inner, ...spellings(inner)].some((form) => rendered.includes(form));
  return texts.every(there) ? "once" : "nowhere";
}

/** A text as it stands within a JSON string, its other letters as they are or as escapes. */
function spellings(text: string): string[] {
  const encoded = JSON.stringify(text).slice(1, -1);
  return [encoded, encoded.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)];
}
