// `tracemill sandbox shell`: a real sandbox to type into, shown as a scaffold shows it to an agent.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import type { ArgumentsCamelCase } from "yargs";
import { react } from "../agents/react.ts";
import type { Sandbox, SandboxBackend } from "../contracts.ts";
import type { LoadedDataset } from "../datasets/load.ts";
import { openSandboxBackend } from "../sandboxes/index.ts";
import { fileList } from "../stages/solving.ts";
import { expectOnce } from "./mistyped.ts";
import { typeInto } from "./shell-prompt.ts";
import { type ShellSource, shellSource } from "./shell-source.ts";
import { limitsText, stepLine } from "./shell-words.ts";

/** From a pipe: a step hit a limit, or ended its interpreter or its sandbox. */
const limitExitCode = 6;
const interruptedExitCode = 130;

/** What the shell works with: the sandbox's backend, a way to open another sandbox of it, and what it shows. */
export interface Shell {
  readonly backend: SandboxBackend;
  readonly shown: LoadedDataset;
  readonly signal: AbortSignal;
  open(label: string): Promise<Sandbox>;
}

export async function shell(args: ArgumentsCamelCase<ShellSource & { readonly json: boolean }>): Promise<void> {
  expectOnce(args, ["config", "dataset", "backend"]);
  const leaving = new AbortController();
  let hungUp = false;
  const onHangUp = () => {
    hungUp = true;
    leaving.abort(new Error("the terminal went away"));
  };
  const onTerminate = (_name: string, number: number) => {
    process.exitCode = 128 + number;
    leaving.abort(new Error("terminated"));
  };
  // Ctrl-C is a signal until the prompt stands; then it is a key.
  process.on("SIGHUP", onHangUp).on("SIGTERM", onTerminate).on("SIGINT", onTerminate);
  process.stdin.on("error", onHangUp);
  const folder = await mkdtemp(join(tmpdir(), "tracemill-shell-"));
  try {
    const { sandbox: section, ...shown } = await shellSource(args, folder);
    const { signal } = leaving;
    // A second place: what judges whether a block is complete runs in a sandbox of its own.
    await using backend = await openSandboxBackend({ ...section, concurrency: 2, signal });
    const opened: Shell = {
      backend,
      shown,
      signal,
      open: (label) => backend.open({ dataDir: shown.dir, label, signal }),
    };
    if (process.stdin.isTTY && process.stdout.isTTY) await typeInto(opened);
    else {
      process.off("SIGINT", onTerminate);
      await runPiped(opened, { json: args.json });
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
    process.off("SIGHUP", onHangUp).off("SIGTERM", onTerminate).off("SIGINT", onTerminate);
    // As a program that does not listen would end. Node cannot end by itself: it gives a terminal back, and crashes where none is left.
    if (hungUp) process.kill(process.pid, "SIGHUP");
  }
}

/** Runs the steps that stdin holds, with a line `# %%` between them; observations go to stdout, everything for persons to stderr. */
async function runPiped({ backend, shown, signal, open }: Shell, { json }: { json: boolean }): Promise<void> {
  const stop = new AbortController();
  let sandbox: Sandbox | undefined;
  let interrupts = 0;
  const onInterrupt = () => {
    if (++interrupts === 1 && sandbox !== undefined) return sandbox.interrupt();
    process.exitCode = interruptedExitCode;
    stop.abort();
  };
  process.on("SIGINT", onInterrupt);
  try {
    const stopped = AbortSignal.any([signal, stop.signal]);
    const steps = (await text(addAbortSignal(stopped, process.stdin)))
      .split(/^# %%.*\r?\n?/m)
      .filter((code) => code.trim() !== "");
    process.stderr.write(`${limitsText(backend)}\nData files:\n${fileList(shown.dataset)}\n`);
    sandbox = await open(`shell ${shown.dataset.name}`);
    for (const [index, code] of steps.entries()) {
      const step = await sandbox.run(code, { signal: stopped });
      if (json) console.log(JSON.stringify(step));
      else console.log(`${index > 0 ? "# %%\n" : ""}${react.show(step)}`);
      process.stderr.write(`${stepLine(step)}\n`);
      if (step.end !== "ok" && step.end !== "error") process.exitCode = limitExitCode;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await sandbox?.[Symbol.asyncDispose]();
    process.off("SIGINT", onInterrupt);
  }
}
