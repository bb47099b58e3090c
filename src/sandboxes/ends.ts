// How sandboxes ended, counted: every one that was opened has exactly one end.
import type { SandboxEnds } from "../contracts.ts";
import { type FailureCode, FailureError } from "../domain/errors.ts";

/** One sandbox's end: by whoever opened it, by the code, or by broken infrastructure. */
export type SandboxEnd = "closed" | "killed" | FailureCode;

/** Counts sandboxes. `opened` returns what is to be told of that one's end; a second end of one is a bug and throws. */
export function countEnds(): { opened(): (end: SandboxEnd) => void; ends(): SandboxEnds } {
  const counts = { opened: 0, closed: 0, killed: 0 };
  const failed: Partial<Record<FailureCode, number>> = {};
  return {
    opened() {
      counts.opened += 1;
      let over = false;
      return (end) => {
        if (over) throw new Error(`Expected one end of a sandbox, got a second: ${end}`);
        over = true;
        if (end === "closed" || end === "killed") counts[end] += 1;
        else failed[end] = (failed[end] ?? 0) + 1;
      };
    },
    ends: () => ({ ...counts, failed: { ...failed } }),
  };
}

/** How a sandbox ended that could not be opened: broken, or no longer wanted. */
export function endOfOpening(error: unknown): SandboxEnd {
  return error instanceof FailureError ? (error.code ?? "open_failed") : "closed";
}

/** In words: "12 opened: 10 closed, 1 killed by code, 1 sandbox_lost". */
export function endsInWords({ opened, closed, killed, failed }: SandboxEnds): string {
  const broke = Object.entries(failed).map(([code, count]) => `${count} ${code}`);
  const ended = [`${closed} closed`, ...(killed > 0 ? [`${killed} killed by code`] : []), ...broke];
  return `${opened} opened: ${ended.join(", ")}`;
}
