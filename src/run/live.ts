// Everything that is said while a run goes on passes here, so that no two writers tear each other's lines.
import { rename, writeFile } from "node:fs/promises";
import type { RunStatus } from "../domain/run.ts";
import type { RunSnapshot, SaidLevel } from "../domain/run-snapshot.ts";
import type { View } from "./view.ts";

/** Where to say things, and what shows a run while it goes on. */
export interface Live extends Disposable {
  log(level: SaidLevel, message: string): void;
  /** For a person to read, also where little else is shown. */
  tell(message: string): void;
  /** Shows a run until `finish`: takes snapshots, draws them, and keeps the newest in `statusPath`. */
  follow(take: (ended?: RunStatus) => RunSnapshot, statusPath: string): void;
  /** The run has ended: shows and keeps the last snapshot. Does nothing where nothing is followed. */
  finish(ended: RunStatus): Promise<void>;
  /** The last that is said to a program. */
  summary: View["summary"];
}

const keptEveryMs = 1000;

/** Opens it over one view. Disposing it leaves what is shown standing. */
export function openLive(view: View): Live {
  let following: { readonly take: (ended?: RunStatus) => RunSnapshot; readonly keep: Keep } | undefined;
  const timers: NodeJS.Timeout[] = [];

  function log(level: SaidLevel, message: string): void {
    view.log(level, message, new Date().toISOString());
  }
  const stopTimers = () => {
    for (const timer of timers.splice(0)) clearInterval(timer);
  };

  return {
    log,
    tell(message) {
      view.tell(message, new Date().toISOString());
    },
    follow(take, statusPath) {
      const keep = keeper(statusPath, (problem) => log("warn", problem));
      following = { take, keep };
      const show = () => view.show(take());
      void keep(take());
      timers.push(setInterval(show, view.everyMs).unref(), setInterval(() => void keep(take()), keptEveryMs).unref());
    },
    async finish(ended) {
      if (following === undefined) return;
      stopTimers();
      const { take, keep } = following;
      following = undefined;
      const last = take(ended);
      view.show(last);
      view.close();
      await keep(last);
    },
    summary: view.summary,
    [Symbol.dispose]() {
      stopTimers();
      view.close();
    },
  };
}

type Keep = (snapshot: RunSnapshot) => Promise<void>;

/** Writes snapshots to a file, each whole or not at all, one after the other; of those that come meanwhile only the newest. */
function keeper(path: string, complain: (problem: string) => void): Keep {
  let writing: Promise<void> | undefined;
  let next: RunSnapshot | undefined;
  let complained = false;

  async function writeAll(): Promise<void> {
    while (next !== undefined) {
      const text = `${JSON.stringify(next)}\n`;
      next = undefined;
      try {
        // Not flushed to the disk: after a power cut nobody asks how far the run was.
        await writeFile(`${path}.new`, text);
        await rename(`${path}.new`, path);
      } catch (error) {
        // The display is no reason to end a run; where the disk is full, the store says so.
        if (!complained) complain(`Cannot write ${path}, so \`tracemill status\` will not be up to date: ${error}`);
        complained = true;
      }
    }
    writing = undefined;
  }

  return (snapshot) => {
    next = snapshot;
    writing ??= writeAll();
    return writing;
  };
}
