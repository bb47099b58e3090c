// Watches a run from outside, from before it has a folder until after its end: log, secrets, telemetry.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Log, RequestWatch } from "../contracts.ts";
import type { LogLevel } from "../domain/log-level.ts";
import type { Secrets } from "../domain/secrets.ts";
import type { EventSink } from "../engine/events.ts";
import type { RunCounts } from "./metrics.ts";
import type { Otel } from "./otel.ts";
import { readOtelSettings } from "./otel-settings.ts";
import { redactedEvents } from "./redacted-events.ts";
import { watchRequests } from "./requests.ts";
import { createRunLog } from "./run-log.ts";
import { createWrappers, type Place, type Wrappers } from "./wrappers.ts";

/** Everything that looks on at one run. Disposing it sends what is left of the telemetry and closes the log. */
export interface Watch extends Wrappers, AsyncDisposable {
  readonly log: Log;
  readonly requests: RequestWatch;
  /** Tells whoever follows the run, and the log, without the secrets. */
  say(line: string): void;
  /** The same for what has to be read also where little else is shown. */
  tell(line: string): void;
  /** Writes to the log and, as a note for an auditor, to the events. */
  note(message: string): void;
  /** The run has a folder: where its log goes, its events (given back without secrets), what is counted of it. */
  begin(run: {
    readonly name: string;
    readonly logPath: string;
    readonly events: EventSink;
    readonly draining: AbortSignal;
  }): EventSink;
  count(counts: Omit<RunCounts, "sandboxesOpen">): void;
  end(status: string, facts: Readonly<Record<string, unknown>>): void;
  /** An error that ends the run: written with its causes. */
  broke(error: unknown): void;
}

const flushMs = 5_000;
const troublesWritten = 1;

/**
 * Opens the log and, where the environment names an OTLP endpoint, OpenTelemetry. `say` and `tell` print for whoever follows the run.
 * @throws {UsageError} where the environment asks of OpenTelemetry what cannot be done.
 */
export async function openWatch(options: {
  readonly recipe: string;
  readonly level: LogLevel;
  readonly verbose: boolean;
  readonly secrets: Secrets;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  readonly tell: (line: string) => void;
  /** What the log begins with: version, command line. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly now?: () => number;
}): Promise<Watch> {
  const { secrets, now = Date.now } = options;
  const places = new AsyncLocalStorage<Place>();
  const settings = readOtelSettings(options.env);
  const printed = options.verbose ? (options.level === "trace" ? "trace" : "debug") : null;
  const log = createRunLog({
    level: options.level,
    printed,
    secrets,
    now,
    complain: (line) => options.say(secrets.cut(line)),
    place: () => {
      const place = places.getStore();
      return place === undefined ? {} : { stage: place.stage, item: place.item };
    },
  });
  log.printTo(options.say);
  log.write("info", "Tracemill starts", options.facts);

  let troubles = 0;
  const otel: Otel | undefined =
    settings === null
      ? undefined
      : (await import("./otel.ts")).openOtel({
          settings,
          recipe: options.recipe,
          cut: secrets.cut,
          now,
          trouble(message) {
            troubles += 1;
            if (troubles <= troublesWritten)
              log.write("warn", "Telemetry did not arrive; the run goes on", { reason: message });
          },
        });
  const spans = otel?.spans;

  let events: EventSink | undefined;
  let status = "not begun";
  let broken = false;
  const leaks = new Map<string, number>();

  function note(message: string): void {
    log.write("info", message);
    noteForAudit(message);
  }

  function noteForAudit(message: string): void {
    // A disk that refuses is told by the next event of an item, in its own place.
    try {
      events?.write({ type: "note", at: new Date(now()).toISOString(), message });
    } catch (error) {
      log.write("error", "The note could not be written", { error });
    }
  }

  const printing = (print: (line: string) => void) => (line: string) => {
    const safe = secrets.cut(line);
    print(safe);
    log.keep("info", safe.trim());
  };
  const [say, tell] = [printing(options.say), printing(options.tell)];

  /** A key of the run in what a model said or code printed: told, once for each place; training data is never changed. */
  function foundKey(where: string): void {
    const before = leaks.get(where) ?? 0;
    leaks.set(where, before + 1);
    if (before > 0) return;
    const { stage = "?", item = "?" } = places.getStore() ?? {};
    const words = `A key of this run stands in ${where} (first at stage ${stage}, item ${item}). Training data is never changed: look at it before you hand it on, and replace the key.`;
    tell(words);
    noteForAudit(words);
  }

  const wrappers = createWrappers({ log, spans, places, now, holdsKey: secrets.holds, foundKey });

  return {
    log,
    requests: watchRequests({ log, note, now, span: () => places.getStore()?.chat }),
    say,
    tell,
    note,

    ...wrappers,

    begin({ name, logPath, events: sink, draining }) {
      log.attach(logPath);
      log.write("info", "Run begins", { run: name, telemetry: settings !== null });
      spans?.run.about({ "tracemill.run.id": name });
      events = redactedEvents(sink, secrets);
      draining.addEventListener("abort", () => note("Interrupted: what is under way ends, nothing new starts"), {
        once: true,
      });
      return events;
    },
    count: (counts) => otel?.observe({ ...counts, sandboxesOpen: wrappers.sandboxesOpen }),

    end(how, facts) {
      status = how;
      for (const [where, times] of leaks) log.write("warn", `A key of this run stands in ${where}`, { times });
      log.write("info", "Run ended", { status, ...facts });
      events = undefined; // Nothing comes after the event that ends a run.
    },
    broke(error) {
      broken = true;
      log.write("error", "The run broke off", { error });
    },

    async [Symbol.asyncDispose]() {
      spans?.run.end(status, broken);
      const arrived = (await otel?.close(flushMs)) ?? true;
      if (!arrived && troubles === 0)
        log.write("warn", `Telemetry did not arrive within ${flushMs / 1000} s; it is lost`);
      if (troubles > troublesWritten)
        log.write("warn", `More trouble with telemetry`, { times: troubles - troublesWritten });
      log[Symbol.dispose]();
    },
  };
}
