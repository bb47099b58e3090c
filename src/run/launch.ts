// Launching a trainer's folder: here, over ssh, or in a container. What it says goes to train.log in the folder.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { harmless, shellWord } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";

export interface LaunchOptions {
  readonly launch: "here" | "ssh" | "container";
  readonly host: string | null;
  readonly image: string | null;
  /** What the folder is called on another machine, and its container. */
  readonly name: string;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the folder's launch.sh and waits for it: 0 where it ends with 0, else 3. @throws {UsageError} where a program that this needs is missing. */
export async function launchFolder(folder: string, options: LaunchOptions): Promise<number> {
  const code = await launchers[options.launch](folder, options);
  options.tell(
    code === 0
      ? `done: what it made is in ${join(folder, "output")}, what it said in ${join(folder, "train.log")}`
      : `failed: launch.sh ended with ${code}; ${join(folder, "train.log")} has what it said`,
  );
  return code === 0 ? 0 : 3;
}

const launchers = {
  here: (folder: string, options: LaunchOptions) => run("bash", [join(folder, "launch.sh")], { folder, options }),
  container: (folder: string, options: LaunchOptions) =>
    run(
      "docker",
      [
        ...["run", "--rm", "--pull", "never", "--name", options.name],
        ...(process.env.TRACEMILL_CONTAINER_GPUS === "none" ? [] : ["--gpus", "all"]),
        ...["--volume", `${folder}:/work`, "--workdir", "/work", options.image ?? "", "bash", "/work/launch.sh"],
      ],
      { folder, options },
    ),
  ssh: overSsh,
};

/**
 * Copies the folder and starts it there under nohup, so that it lives on when the connection does not; follows its log; fetches output. The same
 * command again follows what still runs.
 */
async function overSsh(folder: string, options: LaunchOptions): Promise<number> {
  const host = options.host as string;
  const there = `tracemill/${options.name}`;
  const remote = (script: string) => run("ssh", [host, script], { folder, options });
  const alive = `test -f ${there}/pid && kill -0 "$(cat ${there}/pid)" 2>/dev/null`;
  if ((await quietly("ssh", [host, alive], options)) === 0) options.tell(`${host}: it still runs there; following it`);
  else {
    if ((await quietly("ssh", [host, `mkdir -p ${there} && rm -f ${there}/code`], options)) !== 0)
      throw new UsageError(
        `Expected to reach \`${host}\` with ssh and to write there, got no: try \`ssh ${host} true\``,
      );
    const copied = await piped(
      ["tar", "-C", folder, "-cf", "-", "--exclude", "./train.log", "."],
      ["ssh", host, `tar -C ${there} -xf -`],
      options,
    );
    if (copied !== 0)
      throw new UsageError(
        `Expected to copy ${folder} to \`${host}\`, got the end of tar or ssh with ${copied}: is there room?`,
      );
    options.tell(`${host}: ${there} is there`);
    await remote(
      `cd ${there} && nohup bash -c 'bash launch.sh > train.log 2>&1; echo $? > code' > /dev/null 2>&1 < /dev/null & echo $! > ${there}/pid`,
    );
  }
  // Ends by itself once the code is written; a lost connection ends it too, and the work goes on there.
  await remote(
    `cd ${there} && touch train.log && { tail -n +1 -f train.log & tail=$!; while [ ! -s code ] && kill -0 "$(cat pid)" 2>/dev/null; do sleep 0.2; done; sleep 0.5; kill $tail; }`,
  );
  const code = Number((await output("ssh", [host, `cat ${there}/code 2>/dev/null`], options)).trim() || "1");
  if (code === 0)
    await piped(
      ["ssh", host, `cd ${there} && tar -cf - $(ls -d output 2>/dev/null)`],
      ["tar", "-C", folder, "-xf", "-"],
      options,
    );
  return code;
}

/** Runs a program in a group of its own, its lines told and logged. */
async function run(
  program: string,
  args: readonly string[],
  { folder, options }: { readonly folder: string; readonly options: LaunchOptions },
): Promise<number> {
  const { signal, tell } = options;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  signal.addEventListener("abort", stop, { once: true });
  const log = createWriteStream(join(folder, "train.log"), { flags: "a" });
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      log.write(`${line}\n`);
      tell(harmless(line));
    }
  };
  try {
    const [code] = await Promise.all([endOf(child, program), read(child.stdout), read(child.stderr)]);
    signal.throwIfAborted();
    return code;
  } finally {
    signal.removeEventListener("abort", stop);
    await new Promise((done) => log.end(done));
  }
}

function endOf(child: ReturnType<typeof spawn>, program: string): Promise<number> {
  return new Promise((done, failed) => {
    child.on("error", (cause: NodeJS.ErrnoException) =>
      failed(
        cause.code === "ENOENT"
          ? new UsageError(
              `Expected the program \`${shellWord(program)}\` on this machine, got none: install it, or launch otherwise`,
              { cause },
            )
          : cause,
      ),
    );
    child.on("close", (code) => done(code ?? 1));
  });
}

function quietly(program: string, args: readonly string[], { signal }: LaunchOptions): Promise<number> {
  return endOf(spawn(program, args, { stdio: "ignore", signal }), program);
}

async function output(program: string, args: readonly string[], { signal }: LaunchOptions): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], signal });
  const ended = endOf(child, program);
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  await ended;
  return text;
}

/** One program's output into another's input; the first end that is not 0. */
async function piped(from: readonly string[], to: readonly string[], { signal }: LaunchOptions): Promise<number> {
  const [first = "", ...firstArgs] = from;
  const [second = "", ...secondArgs] = to;
  const source = spawn(first, firstArgs, { stdio: ["ignore", "pipe", "ignore"], signal });
  const sink = spawn(second, secondArgs, { stdio: ["pipe", "ignore", "ignore"], signal });
  source.stdout.pipe(sink.stdin);
  const codes = await Promise.all([endOf(source, first), endOf(sink, second)]);
  return codes.find((code) => code !== 0) ?? 0;
}
