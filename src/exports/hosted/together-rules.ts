import {
  isObject,
  type JsonObject,
  type LineProblem,
  sampleWeightProblems,
  shown,
  weightProblems,
} from "../chat-line.ts";

const roles = new Set<unknown>(["system", "user", "assistant", "tool"]);
const otherFormats = ["prompt", "completion", "text", "input", "preferred_output", "non_preferred_output"];

/** What one line breaks of TG-R4 to TG-R9 and, in one message, TG-R11 (Together AI, conversational format). */
export function togetherProblems(line: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });

  for (const key of Object.keys(line)) {
    if (key === "messages" || key === "tools" || key === "weight") continue;
    const wayOut = otherFormats.includes(key) ? "one format per file: put it into a file of its own" : "remove it";
    report("TG-R4", key, `Expected the conversational format's columns messages and tools, got \`${key}\`; ${wayOut}`);
  }
  problems.push(...sampleWeightProblems("TG-R9", line));
  const { messages } = line;
  if (messages === undefined) {
    report("TG-R4", "messages", "Expected the column messages on every line, got none");
    return problems;
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    report("TG-R5", "messages", `Expected a list of at least one message, got ${shown(messages)}`);
    return problems;
  }
  problems.push(...togetherMessageProblems(messages, "messages"));
  if (!(messages as unknown[]).some((message) => isObject(message) && message.role === "assistant"))
    report("TG-R7", "messages", "Expected at least one assistant message, got none");
  return problems;
}

/** What messages break of TG-R5, TG-R6, TG-R8 and, in one message, TG-R11; `at` is their field. */
export function togetherMessageProblems(messages: readonly unknown[], at: string): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
  let previous: unknown;
  for (const [index, message] of messages.entries()) {
    const field = `${at}[${index}]`;
    if (!isObject(message)) {
      report("TG-R5", field, `Expected an object, got ${shown(message)}`);
      previous = undefined;
      continue;
    }
    if (!roles.has(message.role))
      report("TG-R5", `${field}.role`, `Expected system, user, assistant or tool, got ${shown(message.role)}`);
    if (Array.isArray(message.content)) problems.push(...imageProblems(message, field));
    else if (typeof message.content !== "string")
      report("TG-R5", `${field}.content`, `Expected a string, got ${shown(message.content)}`);
    if (previous !== undefined && message.role === previous)
      report(
        "TG-R6",
        `${field}.role`,
        `Expected the roles to alternate, got ${shown(previous)} twice; join the messages`,
      );
    problems.push(...weightProblems("TG-R8", message, field));
    previous = message.role;
  }
  return problems;
}

const mostImages = 10;
const mostImageBytes = 10 * 1000 ** 2;

/** Content that is a list: text and pictures, in user messages only (TG-R11). */
function* imageProblems(message: JsonObject, field: string): Generator<LineProblem> {
  if (message.role !== "user") {
    yield {
      rule: "TG-R5",
      field: `${field}.content`,
      message: "Expected a string (only user messages may hold parts), got a list; write the text alone",
    };
    return;
  }
  for (const [index, part] of (message.content as unknown[]).entries()) {
    const at = `${field}.content[${index}]`;
    if (isObject(part) && part.type === "text" && typeof part.text === "string") continue;
    const url = isObject(part) && isObject(part.image_url) ? part.image_url.url : undefined;
    if (!isObject(part) || part.type !== "image_url" || typeof url !== "string") {
      yield { rule: "TG-R5", field: at, message: `Expected a part of type text or image_url, got ${shown(part)}` };
      continue;
    }
    const [, kind, data = ""] = /^data:image\/([a-z]+);base64,(.*)$/s.exec(url) ?? [];
    if (kind === undefined || !["jpeg", "png", "webp"].includes(kind))
      yield {
        rule: "TG-R11",
        field: at,
        message: `Expected a JPEG, PNG or WebP as a base64 data URL, got ${shown(url)}`,
      };
    else if (data.length > mostImageBytes)
      yield { rule: "TG-R11", field: at, message: `Expected at most 10 MB of base64, got ${data.length} bytes` };
  }
}

/** How many pictures a line holds. */
export function imagesOf(line: JsonObject): number {
  const messages = Array.isArray(line.messages) ? (line.messages as unknown[]).filter(isObject) : [];
  const parts = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as unknown[]) : []));
  return parts.filter((part) => isObject(part) && part.type === "image_url").length;
}

/** TG-R11 over the lines of a file: at most 10 pictures each, and on all lines or on none. Made anew for each file. */
export function imageRule(): (line: JsonObject) => LineProblem[] {
  let decided: boolean | null = null;
  return (line) => {
    const images = imagesOf(line);
    const problems: LineProblem[] = [];
    if (images > mostImages)
      problems.push({
        rule: "TG-R11",
        field: "messages",
        message: `Expected at most ${mostImages} pictures, got ${images}`,
      });
    decided ??= images > 0;
    if (decided !== images > 0)
      problems.push({
        rule: "TG-R11",
        field: "messages",
        message: `Expected pictures on all lines or on none, got ${images} where the first line has ${decided ? "some" : "none"}`,
      });
    return problems;
  };
}
