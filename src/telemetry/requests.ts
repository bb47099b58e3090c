import type { Log, RequestWatch, SentRequest } from "../contracts.ts";
import type { Message } from "../domain/trajectory.ts";
import type { ChatSpan } from "./spans.ts";

const noteEveryMs = 60_000;

/**
 * Writes what happens to requests into the log, on the span of the completion they are for, and that an endpoint asked for a pause or
 * is down as a note, at most one a minute of each.
 */
export function watchRequests(options: {
  readonly log: Log;
  readonly note: (message: string) => void;
  readonly span: () => ChatSpan | undefined;
  readonly now: () => number;
}): RequestWatch {
  const { log, note, span, now } = options;
  const notedMs = new Map<string, number>();
  const isDown = new Set<string>();

  function noteSometimes(what: string, message: string): void {
    if (now() - (notedMs.get(what) ?? Number.NEGATIVE_INFINITY) < noteEveryMs) return;
    notedMs.set(what, now());
    note(message);
  }

  return {
    sends(request) {
      span()?.asks(request.baseUrl, request.payload);
      if (!log.takes("debug")) return;
      const { messages, ...settings } = request.payload;
      const chat = (messages ?? []) as readonly Message[];
      const bytes = Buffer.byteLength(JSON.stringify(request.payload));
      log.write("debug", "Request", { ...whose(request), messages: chat.length, bytes, settings });
      if (log.takes("trace")) log.write("trace", "Request's last message", { ...whose(request), ...chat.at(-1) });
    },
    receives(request, { text, finishReason, usage }, latencyMs) {
      log.write("debug", "Answer", {
        ...whose(request),
        status: 200,
        latencyMs,
        finishReason,
        chars: text.length,
        usage,
      });
      if (log.takes("trace")) log.write("trace", "Answer's text", { ...whose(request), content: text });
    },
    fails(request, error, latencyMs) {
      log.write("debug", "No answer", { ...whose(request), latencyMs, ...why(error) });
    },
    waits(request, error, waitMs) {
      span()?.retries(why(error).reason, waitMs);
      log.write("warn", "Trying again", { ...whose(request), ...why(error), waitMs: Math.round(waitMs) });
    },
    pauses(request, error, pauseMs) {
      log.write("warn", "Endpoint paused", { ...whose(request), ...why(error), pauseMs: Math.round(pauseMs) });
      const words = `${request.baseUrl} asked to be left alone (${why(error).reason}): nobody asks it for ${pauseMs / 1000} s`;
      noteSometimes(`pause ${request.baseUrl}`, words);
    },
    goesDown(request, error, againMs) {
      log.write("warn", "Endpoint down", { ...whose(request), ...why(error), againMs: Math.round(againMs) });
      const words = `${request.baseUrl} does not answer (${why(error).reason}): everybody waits, one request looks again in ${againMs / 1000} s`;
      // The first time a few errors may have met by chance; a look in vain is no chance.
      if (isDown.has(request.baseUrl)) noteSometimes(`down ${request.baseUrl}`, words);
      isDown.add(request.baseUrl);
    },
    comesBack(request, downMs) {
      log.write("warn", "Endpoint back", { ...whose(request), downMs: Math.round(downMs) });
      if (notedMs.delete(`down ${request.baseUrl}`)) {
        note(`${request.baseUrl} answers again, after ${Math.round(downMs / 1000)} s`);
      }
      isDown.delete(request.baseUrl);
    },
  };
}

function whose({ alias, baseUrl, payload, try: number }: SentRequest) {
  return { alias, endpoint: baseUrl, model: payload.model, attempt: number };
}

function why(error: unknown): { reason: string; status?: number } {
  const { message, status } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    status?: unknown;
  };
  return typeof status === "number" ? { reason: message, status } : { reason: message };
}
