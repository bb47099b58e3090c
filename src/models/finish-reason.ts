import type { FinishReason } from "../domain/trajectory.ts";

/** Endings in which the provider stopped by itself: there is no complete answer, and another try may bring one. */
const interrupted = new Set(["error", "abort", "aborted", "insufficient_system_resource", "cancelled"]);

// Names as servers write them, in lower case; test/unit/models-finish-reason.test.ts says whose each is.
const names: Readonly<Record<FinishReason, readonly string[]>> = {
  stop: ["stop", "eos", "eos_token", "end_turn", "stop_sequence", "completed", "complete", "repetition"],
  length: ["length", "max_tokens", "model_length", "model_context_window_exceeded", "max_output_tokens"],
  refusal: ["refusal"],
  content_filter: [
    "content_filter",
    "content_filtered",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "guardrail_intervened",
    "sensitive",
  ],
  tool_calls: ["tool_calls", "function_call", "tool_use"],
  other: [],
};
const reasons = new Map(
  Object.entries(names).flatMap(([reason, said]) => said.map((name) => [name, reason as FinishReason])),
);

/** Whether a finish reason says that the provider broke off: no complete answer. */
export function isInterrupted(name: string): boolean {
  return interrupted.has(name.toLowerCase());
}

/**
 * A server's finish reason in words of ours; what a router's upstream said (`native`) where its own word says nothing, or hides a refusal.
 * `other` for what nobody documents.
 */
export function finishReasonOf(name: string, native: string | null): FinishReason {
  const said = known(name);
  const nativeSaid = native === null ? "other" : known(native);
  return said === "other" || nativeSaid === "refusal" ? (nativeSaid === "other" ? said : nativeSaid) : said;
}

function known(name: string): FinishReason {
  const plain = name.toLowerCase();
  // Gemini's compatible endpoint writes `content_filter: <its own reason>`, its own API FINISH_REASON_<name>.
  const first = plain.replace(/^finish_reason_/, "").split(":")[0] ?? plain;
  return reasons.get(first) ?? "other";
}
