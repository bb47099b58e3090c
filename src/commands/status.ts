import { setTimeout as delay } from "node:timers/promises";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { findRun, type RunFolder } from "../archive/run-folder.ts";
import { reportOn } from "../archive/run-report.ts";
import { type FrameOptions, frame } from "../display/frame.ts";
import { isUnicode, type Look } from "../display/look.ts";
import { plainCounts, plainLine } from "../display/plain-line.ts";
import type { RunReport } from "../domain/run-snapshot.ts";
import { foldsLines, openScreen } from "../run/screen.ts";
import { canRedraw, lookOf } from "../run/view.ts";

export interface StatusArguments {
  readonly run: string;
  readonly output: string;
  readonly json: boolean;
  readonly watch: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("run", { type: "string", default: "latest", describe: "`latest`, a run's id or its folder" })
    .option("json", { type: "boolean", default: false, describe: "Print a JSON object; with --watch one a line" })
    .option("watch", { type: "boolean", default: false, describe: "Go on until the run has ended or died" });
}

const watchEveryMs = 1000;

export async function handler(args: ArgumentsCamelCase<StatusArguments>): Promise<void> {
  const folder = await findRun(args.output, args.run);
  if (args.watch) return watchRun(folder, args.json);
  const report = await reportOn(folder, Date.now());
  process.stdout.write(args.json ? `${JSON.stringify(report, null, 2)}\n` : page(report));
}

/** Everything about a run as lines for a terminal or a file. */
function page(report: RunReport): string {
  const look = lookAt(process.stdout);
  // The screen has to hold the frame, a gap, the words and the prompt.
  const below = 1 + Math.ceil(report.words.length / look.columns);
  const lines = frame(report.snapshot, { ...look, rows: Math.max(2, look.rows - below) }, frameOptions(report));
  return `${lines.join("\n")}\n\n${report.words}\n`;
}

async function watchRun(folder: RunFolder, json: boolean): Promise<void> {
  const abort = new AbortController();
  const onSignal = () => abort.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    let report = await reportOn(folder, Date.now());
    const show = json
      ? showJson()
      : canRedraw(process.stdout, process.env)
        ? showOnTerminal(() => report)
        : showPlain();
    for (;;) {
      show.draw(report);
      if (isOver(report) || abort.signal.aborted) break;
      await delay(watchEveryMs, undefined, { signal: abort.signal }).catch(() => {}); // Ctrl-C ends the wait
      report = await reportOn(folder, Date.now());
    }
    show.close(report);
    if (abort.signal.aborted) process.exitCode = 130;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function isOver({ state }: RunReport): boolean {
  return state === "ended" || state === "dead" || state === "unknown";
}

interface Shown {
  draw(report: RunReport): void;
  close(report: RunReport): void;
}

function showJson(): Shown {
  return {
    draw: (report) => void process.stdout.write(`${JSON.stringify(report)}\n`),
    close() {},
  };
}

function showPlain(): Shown {
  let last = "";
  return {
    draw({ snapshot, state }) {
      const counts = `${plainCounts(snapshot)} ${state}`;
      if (counts !== last) process.stdout.write(`${plainLine(snapshot)}\n`);
      last = counts;
    },
    close: ({ words }) => void process.stdout.write(`${words}\n`),
  };
}

function showOnTerminal(newest: () => RunReport): Shown {
  const terminal = process.stdout;
  const screen = openScreen(terminal, {
    folds: foldsLines(process.env),
    look: () => lookOf(terminal, process.env),
    render: (look) => frame(newest().snapshot, look, frameOptions(newest())),
  });
  return {
    draw: () => screen.draw(),
    close({ words }) {
      screen.close();
      terminal.write(`\n${words}\n`);
    },
  };
}

function frameOptions({ state }: RunReport): FrameOptions {
  if (state === "dead") return { state: { word: "dead", style: "red" } };
  if (state === "silent" || state === "unknown") return { state: { word: state, style: "yellow" } };
  return {};
}

function lookAt(stream: NodeJS.WriteStream): Look {
  if (stream.isTTY) return lookOf(stream, process.env);
  const { FORCE_COLOR: forced } = process.env;
  const colour = forced !== undefined && forced !== "0" && forced !== "false";
  return { columns: 100, rows: 1000, colour, unicode: isUnicode(process.env, process.platform) };
}
