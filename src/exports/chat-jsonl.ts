import { basename } from "node:path";
import type { Exporter, ExportProblem } from "../contracts.ts";
import type { Example } from "../domain/example.ts";
import { parseJson } from "../domain/reply-json.ts";
import { openAtomicFile } from "./atomic-file.ts";
import { hasFractionalWeight, isObject, shown, wireCalls, wireTools } from "./chat-line.ts";
import { exportedBytes } from "./exported-bytes.ts";
import { fileLines } from "./jsonl-lines.ts";
import { openaiProblems } from "./openai-rules.ts";
import { problemList } from "./problem-list.ts";
import { refusingBroken } from "./problems.ts";
import { togetherProblems } from "./together-rules.ts";

/** What the targets accept; bytes. A target's figure that moves is changed here. */
interface ChatJsonlLimits {
  readonly openaiMaxBytes: number;
  readonly togetherMaxBytes: number;
  readonly maxLineBytes: number;
}

const defaults: ChatJsonlLimits = {
  openaiMaxBytes: 512 * 1024 * 1024,
  togetherMaxBytes: 100 * 1000 ** 3,
  maxLineBytes: 64 * 1024 * 1024,
};

/**
 * Chat JSONL: one example a line, `{"messages":[{"role","content","tool_calls"?,"tool_call_id"?,"weight"?}],"tools"?}`, `weight` 0 or 1 on
 * assistant messages only, `tools` where functions were offered.
 * A file that passes `check` without errors meets OA-R1..R9 (OpenAI) and TG-R1..R8 (Together AI) at once.
 */
export function chatJsonlExporter(options: Partial<ChatJsonlLimits> = {}): Exporter {
  const limits = { ...defaults, ...options };
  return {
    name: "chat-jsonl",
    about: "chat JSONL with a weight on each assistant message, for OpenAI and Together AI",
    fileName: "chat.jsonl",
    async write(examples, path) {
      await using file = await openAtomicFile(path);
      let rows = 0;
      for await (const example of refusingBroken(examples)) {
        await file.write(chatLine(example));
        rows += 1;
      }
      return await file.commit(rows);
    },
    check: (path) => checkChatJsonl(path, limits),
  };
}

function chatLine(example: Example): string {
  const messages = example.messages.map((message) => {
    const { role, content, train, toolCallId } = message;
    const calls = wireCalls(message);
    return {
      role,
      content,
      ...(calls === null ? {} : { tool_calls: calls }),
      ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
      ...(role === "assistant" ? { weight: train ? 1 : 0 } : {}),
    };
  });
  const tools = wireTools(example);
  return `${JSON.stringify({ messages, ...(tools === null ? {} : { tools }) })}\n`;
}

async function checkChatJsonl(path: string, limits: ChatJsonlLimits): Promise<ExportProblem[]> {
  const found = problemList();
  const bytes = await exportedBytes(path);
  const both = (rule: "R1" | "R3", line: number, message: string) => {
    for (const target of ["OA", "TG"]) found.add({ rule: `${target}-${rule}`, line, field: "", message });
  };
  const openai = (rule: string, line: number, message: string) => found.add({ rule, line, field: "", message });

  if (!path.endsWith(".jsonl"))
    both("R1", 0, `Expected a file name ending in .jsonl, got \`${basename(path)}\`; rename it`);
  if (bytes > limits.openaiMaxBytes)
    openai("OA-R3", 0, `Expected at most ${limits.openaiMaxBytes} bytes, got ${bytes}; split the file`);
  if (bytes > limits.togetherMaxBytes)
    openai("TG-R3", 0, `Expected at most ${limits.togetherMaxBytes} bytes, got ${bytes}; split the file`);

  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let examples = 0;
  for await (const line of fileLines(path, { maxLineBytes: limits.maxLineBytes })) {
    if (line.bytes === null) {
      both(
        "R1",
        line.number,
        `Expected a line of at most ${limits.maxLineBytes} bytes, got a longer one; drop the example`,
      );
      continue;
    }
    const text = decoded(decoder, line.bytes);
    if (text === null) {
      both("R1", line.number, "Expected UTF-8, got other bytes; write the file as UTF-8");
      continue;
    }
    if (line.number === 1 && text.startsWith("\uFEFF"))
      openai("OA-R1", 1, "Expected no byte order mark, got one; write UTF-8 without BOM");
    if (text.endsWith("\r")) openai("OA-R1", line.number, "Expected LF line ends, got CRLF");
    const trimmed = text.trim();
    if (trimmed === "") {
      both("R1", line.number, "Expected a JSON object, got a blank line; remove it");
      continue;
    }
    const value = parseJson(line.number === 1 ? trimmed.replace(/^\uFEFF/, "") : trimmed);
    if (!isObject(value)) {
      both("R1", line.number, `Expected a JSON object, got ${value === undefined ? "no JSON" : shown(value)}`);
      continue;
    }
    examples += 1;
    if (hasFractionalWeight(text))
      for (const rule of ["OA-R7", "TG-R8"])
        found.add({
          rule,
          line: line.number,
          field: "weight",
          message: "Expected the integer 0 or 1, got a decimal; write 1, not 1.0",
        });
    for (const problem of [...openaiProblems(value), ...togetherProblems(value)])
      found.add({ ...problem, line: line.number });
  }

  if (examples < 10) openai("OA-R2", 0, `Expected at least 10 examples, got ${examples}; ask for a larger target`);
  else if (examples < 50)
    found.add({
      rule: "OA-R2",
      line: 0,
      field: "",
      message: `Expected 50 examples or more, got ${examples}: accepted, but too few to learn from`,
      severity: "warning",
    });
  if (examples === 0) openai("TG-R2", 0, "Expected at least one example, got none");
  return found.all();
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
