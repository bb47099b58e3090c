import type { Exporter } from "../contracts.ts";
import { fractionalWeight } from "./chat-line.ts";
import { chatRow, readChat } from "./hosted/chat-rows.ts";
import { openaiProblems } from "./hosted/openai-rules.ts";
import { imageRule, togetherProblems } from "./hosted/together-rules.ts";
import { exampleFormat } from "./jsonl-format.ts";

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
 * A file that passes `check` without errors meets OA-R1..R10 (OpenAI) and TG-R1..R11 (Together AI) at once.
 */
export function chatJsonlExporter(options: Partial<ChatJsonlLimits> = {}): Exporter {
  const limits = { ...defaults, ...options };
  return exampleFormat({
    name: "chat-jsonl",
    about: "chat JSONL with a weight on each assistant message, for OpenAI and Together AI",
    fileName: "chat.jsonl",
    rows: (example) => [chatRow(example, { weight: true, reasoning: null })],
    rules() {
      const images = imageRule();
      return {
        lines: "OA-R1",
        maxLineBytes: limits.maxLineBytes,
        bytes: { rule: "OA-R3", most: limits.openaiMaxBytes },
        rows: { rule: "OA-R2", fewest: 10, advised: 50 },
        also: {
          lines: "TG-R1",
          bytes: { rule: "TG-R3", most: limits.togetherMaxBytes },
          rows: { rule: "TG-R2", fewest: 1 },
        },
        length: { rule: "OA-R10", most: 65_536 },
        line: (line, { text }) => [
          ...fractionalWeight(text, ["OA-R7", "TG-R8"]),
          ...openaiProblems(line),
          ...togetherProblems(line),
          ...images(line),
        ],
      };
    },
    conversation: readChat,
  });
}
