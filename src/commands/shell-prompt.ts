// The shell on a terminal: reads blocks of Python and words that begin with a colon, one after another.
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { styleText } from "node:util";
import { react } from "../agents/react.ts";
import { harmless } from "../audit/text.ts";
import type { Sandbox } from "../contracts.ts";
import type { StepResult } from "../domain/trajectory.ts";
import { fileList } from "../stages/solving.ts";
import type { Shell } from "./sandbox-shell.ts";
import { openReader } from "./shell-reader.ts";
import { helpText, limitsText, stepLine } from "./shell-words.ts";

/** Lines of a paste come between two of these, so that an empty line in it does not end a block. */
const bracketedPaste = { on: "\u001b[?2004h", off: "\u001b[?2004l" };

type Typed = { readonly line: string; readonly pasted: boolean } | "interrupt" | "leave";

/** Lets a person type until they leave or `shell.signal` aborts. @throws {FailureError} "sandbox" when the sandbox broke. */
export async function typeInto(shell: Shell): Promise<void> {
  const { backend, shown, signal } = shell;
  const label = `shell ${shown.dataset.name}`;
  const leave = new AbortController();
  const stopped = AbortSignal.any([signal, leave.signal]);
  await using reader = await openReader(shell);
  let sandbox = await shell.open(label);
  let running = false;
  let interrupts = 0;
  let last: StepResult | undefined;

  using typed = listen({
    signal: stopped,
    interrupt() {
      if (!running) return false;
      if (++interrupts === 1) sandbox.interrupt();
      else leaveWith(130);
      return true;
    },
    leave: () => leaveWith(process.exitCode ?? 0),
  });

  function leaveWith(code: number | string): void {
    process.exitCode = code;
    leave.abort(new Error("left"));
  }

  async function run(code: string): Promise<void> {
    [running, interrupts] = [true, 0];
    try {
      last = await sandbox.run(code, { signal: stopped });
    } finally {
      running = false;
    }
    say(harmless(react.show(last)));
    say(dim(stepLine(last)));
    if (last.end === "killed") say(dim("This sandbox is over; :restart opens another."));
  }

  async function command(line: string): Promise<void> {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === ":quit") return leaveWith(0);
    if (word === ":files") return say(fileList(shown.dataset));
    if (word === ":limits") return say(limitsText(backend));
    if (word === ":raw") return say(last === undefined ? dim("No step has run yet.") : JSON.stringify(last, null, 2));
    if (word === ":restart") {
      await sandbox[Symbol.asyncDispose]();
      sandbox = await shell.open(label);
      return say(dim("A new sandbox."));
    }
    if (word === ":collect") return say(await collected(sandbox, rest.join(" "), stopped));
    say(word === ":help" ? helpText : dim(`No such word: ${word}. :help lists what there is.`));
  }

  try {
    say(dim(limitsText(backend)));
    say(`Data files:\n${fileList(shown.dataset)}`);
    say(dim(":help lists what else can be typed; Ctrl-D leaves."));
    let block: string[] = [];
    let pasted = false;
    let warned = false;
    while (!stopped.aborted) {
      typed.prompt(block.length > 0 ? "... " : ">>> ");
      const next = await typed.next();
      if (next === "leave") break;
      if (next === "interrupt") {
        if (block.length === 0 && warned) leaveWith(130);
        else if (block.length === 0) say(dim("Ctrl-D or :quit leaves; so does another Ctrl-C."));
        warned = block.length === 0;
        block = [];
        continue;
      }
      warned = false;
      if (block.length === 0 && next.line.trim() === "") continue;
      if (block.length === 0 && next.line.startsWith(":")) {
        await command(next.line);
        continue;
      }
      block.push(next.line);
      pasted ||= next.pasted;
      if (next.pasted || !(await reader.isComplete(block.join("\n"), { pasted }))) continue;
      const code = block.join("\n").trimEnd();
      [block, pasted] = [[], false];
      await run(`${code}\n`);
    }
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

/** What is typed, in order. `interrupt` is told of Ctrl-C first and says whether it took it. */
function listen(options: { readonly signal: AbortSignal; interrupt(): boolean; leave(): void }) {
  // Not stdin itself: readline switches its raw mode, which throws once the terminal has gone.
  const input = new PassThrough();
  const lines = createInterface({ input, output: process.stdout, terminal: true, historySize: 1000 });
  const queue: Typed[] = [];
  let wake: (() => void) | undefined;
  let pasting = false;
  const push = (typed: Typed) => {
    queue.push(typed);
    wake?.();
  };
  const onKey = (_text: string | undefined, key: { readonly name?: string } | undefined) => {
    if (key?.name === "paste-start") pasting = true;
    if (key?.name === "paste-end") pasting = false;
  };
  const onAbort = () => push("leave");
  const onData = (keys: Buffer) => void input.write(keys);
  const onEnd = () => options.leave();
  process.stdin.setRawMode(true);
  process.stdin.on("data", onData).on("end", onEnd);
  input.on("keypress", onKey);
  options.signal.addEventListener("abort", onAbort, { once: true });
  lines.on("line", (line) => push({ line, pasted: pasting }));
  lines.on("close", () => {
    push("leave");
    options.leave();
  });
  lines.on("SIGINT", () => {
    if (options.interrupt()) return;
    process.stdout.write("^C\n");
    // What was typed of the line goes with it.
    lines.write(null, { ctrl: true, name: "e" });
    lines.write(null, { ctrl: true, name: "u" });
    push("interrupt");
  });
  process.stdout.write(bracketedPaste.on);
  return {
    prompt(text: string) {
      lines.setPrompt(text);
      // What was typed ahead is taken as it stands; a prompt in front of its output would only look odd.
      if (queue.length === 0) lines.prompt();
    },
    async next(): Promise<Typed> {
      while (queue.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return queue.shift() as Typed;
    },
    [Symbol.dispose]() {
      options.signal.removeEventListener("abort", onAbort);
      process.stdin.off("data", onData).off("end", onEnd).pause();
      lines.removeAllListeners("close").close();
      process.stdout.write(bracketedPaste.off);
      try {
        process.stdin.setRawMode(false);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EIO") throw error; // the terminal has gone
      }
    },
  };
}

/** A sandbox that can hand a file in; not every one can yet. */
interface Collecting {
  collect?(
    path: string,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<
    { readonly bytes: Uint8Array; readonly sha256: string } | { readonly refused: string; readonly detail: string }
  >;
}

const collectBytes = 16 * 1024 * 1024;

async function collected(sandbox: Sandbox & Collecting, path: string, signal: AbortSignal): Promise<string> {
  if (path === "") return dim("Expected a path, as in :collect /scratch/answer.csv");
  if (sandbox.collect === undefined) return dim("This sandbox hands no files in.");
  const got = await sandbox.collect(path, { maxBytes: collectBytes, signal });
  const over = dim("The interpreter was ended for it; :restart opens another sandbox.");
  if ("refused" in got) return `refused: ${got.refused} (${harmless(got.detail)})\n${over}`;
  const head = harmless(new TextDecoder().decode(got.bytes.subarray(0, 1000)));
  return `${got.bytes.length} bytes, sha256 ${got.sha256}\n${head}\n${over}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function dim(text: string): string {
  return process.env.NO_COLOR ? text : styleText("dim", text);
}
