import type { RunEvent } from "../domain/run.ts";
import type { Secrets } from "../domain/secrets.ts";
import type { EventSink } from "../engine/events.ts";

/** Events with the secrets cut out of what they say. Ids, stages and store keys are made here and stay as they are. */
export function redactedEvents(events: EventSink, secrets: Secrets): EventSink {
  return { write: (event) => events.write(redacted(event, secrets)) };
}

function redacted(event: RunEvent, secrets: Secrets): RunEvent {
  if (event.type === "note") return { ...event, message: secrets.cut(event.message) };
  if (event.type !== "item" || (event.message === undefined && event.evidence === undefined)) return event;
  const { message, evidence } = event;
  return {
    ...event,
    ...(message === undefined ? {} : { message: secrets.cut(message) }),
    ...(evidence === undefined ? {} : { evidence: secrets.cutAll(evidence) }),
  };
}
