// Launching a trainer's folder: here, over ssh, or in a container. What it says goes to train.log in the folder.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../domain/errors.ts";
import { type Following, outputOf, piped, quietly, run } from "./launch-process.ts";

export interface LaunchOptions {
  readonly launch: "here" | "ssh" | "container";
  /** `user@machine`, or `user@machine:folder`. */
  readonly host: string | null;
  readonly image: string | null;
  /** What the folder is called on another machine, and its container. */
  readonly name: string;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs the folder's launch.sh and waits for it: 0 where it ends with 0, else 3. What still runs from an earlier command is followed, not started again.
 * @throws {UsageError} where a program that this needs is missing.
 */
export async function launchFolder(folder: string, options: LaunchOptions): Promise<number> {
  const code = await launchers[options.launch](folder, options);
  if (code === "lost") {
    options.tell("the connection was lost; it goes on there, and the same command follows it again");
    return 3;
  }
  options.tell(
    code === 0
      ? `done: what it made is in ${join(folder, "output")}, what it said in ${join(folder, "train.log")}`
      : `failed: launch.sh ended with ${code}; ${join(folder, "train.log")} has what it said`,
  );
  return code === 0 ? 0 : 3;
}

const launchers = { here, container: inContainer, ssh: overSsh };

/** In a process group of its own; refused while one that was started before still runs. Stopping ends the whole group. */
async function here(folder: string, options: LaunchOptions): Promise<number> {
  const record = join(folder, "launch.pid");
  const script = join(folder, "launch.sh");
  const earlier = (await readFile(record, "utf8").catch(() => "")).trim();
  if (earlier !== "" && (await readFile(`/proc/${earlier}/cmdline`, "utf8").catch(() => "")).includes(script))
    throw new UsageError(
      `Expected no training to run in \`${folder}\`, got process ${earlier}: follow it with \`tail -f ${join(folder, "train.log")}\`, or end it first (\`kill -- -${earlier}\`)`,
    );
  const code = await run("bash", [script], {
    ...following(folder, options),
    whole: false,
    started: (pid) => writeFile(record, `${pid}\n`),
  });
  await rm(record, { force: true });
  return code;
}

/** A container of the user's image, detached, so that a killed watcher loses nothing; stopping ends it. Nothing is pulled. */
async function inContainer(folder: string, options: LaunchOptions): Promise<number> {
  const { name, image, tell, signal } = options;
  const docker = (...args: string[]) => outputOf("docker", args, { signal });
  const known = await docker("inspect", "--format", "{{.State.Status}}", name);
  if (known.code === 0 && known.text.trim() === "running") tell(`container ${name}: it still runs; following it`);
  else if (known.code !== 0) {
    const gpus = await hasGpus(signal);
    if (!gpus) tell("no NVIDIA GPU or container runtime found: the container gets none");
    const started = await docker(
      ...["run", "--detach", "--pull", "never", "--name", name, ...(gpus ? ["--gpus", "all"] : [])],
      ...["--volume", `${folder}:/work`, "--workdir", "/work", image ?? "", "bash", "/work/launch.sh"],
    );
    if (started.code !== 0) {
      await quietly("docker", ["rm", "--force", name], { signal });
      throw new UsageError(
        `Expected to start a container of \`${image}\`, got from docker: ${started.errors.trim()}. No image is pulled: \`docker pull ${image}\` first, where it is one of a registry`,
      );
    }
  }
  const remove = () => quietly("docker", ["rm", "--force", name], {});
  try {
    await run("docker", ["logs", "--follow", name], following(folder, options));
    const end = await docker("wait", name);
    await remove();
    return Number(end.text.trim() || "1");
  } catch (error) {
    if (signal.aborted) await remove();
    throw error;
  }
}

async function hasGpus(signal: AbortSignal): Promise<boolean> {
  const info = await outputOf("docker", ["info", "--format", "{{json .Runtimes}} {{json .CDISpecDirs}}"], { signal });
  if (info.code !== 0)
    throw new UsageError(`Expected to reach Docker with \`docker info\`, got: ${info.errors.trim()}`);
  const listed = await outputOf("nvidia-smi", ["--list-gpus"], { signal }).catch(() => null);
  return info.text.includes('"nvidia"') || (listed?.code === 0 && listed.text.trim() !== "");
}

/**
 * Copies the folder and starts it there under nohup, so that it lives on when the connection does not; follows its log; fetches output. The same
 * command again follows what still runs, and fetches what has ended since.
 */
async function overSsh(folder: string, options: LaunchOptions): Promise<number | "lost"> {
  const { tell, signal } = options;
  const { host, there } = placeOf(options);
  const ask = (script: string) => outputOf("ssh", [host, script], { signal });
  const alive = 'test -f pid && kill -0 "$(cat pid)" 2>/dev/null';
  const state = await ask(
    `mkdir -p ${there} && cd ${there} && if [ -s code ] && [ ! -e fetched ]; then echo ended; elif ${alive}; then echo running; else echo new; fi`,
  );
  if (state.code !== 0)
    throw new UsageError(
      `Expected to reach \`${host}\` with ssh and to write there, got: ${state.errors.trim() || `ssh's exit code ${state.code}`}. Try \`ssh ${host} true\``,
    );
  if (state.text.includes("running")) tell(`${host}: it still runs there; following it`);
  else if (state.text.includes("ended")) tell(`${host}: it has ended there; fetching what it made`);
  else {
    const copied = await piped(
      [
        "tar",
        "-C",
        folder,
        "-cf",
        "-",
        ...["./train.log", "./launch.pid", "./output", "./.venv"].flatMap((name) => ["--exclude", name]),
        ".",
      ],
      ["ssh", host, `cd ${there} && rm -f code fetched && tar -xf -`],
      { signal },
    );
    if (copied !== 0)
      throw new UsageError(
        `Expected to copy ${folder} to \`${host}\`, got the end of tar or ssh with ${copied}: is there room, and tar?`,
      );
    tell(`${host}: ${there} is there`);
    await ask(
      `cd ${there} && { nohup bash -c 'bash launch.sh > train.log 2>&1; echo $? > code' > /dev/null 2>&1 < /dev/null & echo $! > pid; }`,
    );
  }
  // Ends by itself once the code is written; a lost connection ends it too, and the work goes on there.
  await run(
    "ssh",
    [
      host,
      `cd ${there} && touch train.log && { tail -n +1 -f train.log & tail=$!; while [ ! -s code ] && ${alive}; do sleep 0.2; done; sleep 0.5; kill $tail; }`,
    ],
    following(folder, options),
  );
  const end = await ask(`cd ${there} && cat code 2>/dev/null || ! { ${alive}; }`);
  if (end.code !== 0) return "lost";
  const code = Number(end.text.trim() || "1");
  const fetched = await piped(
    ["ssh", host, `cd ${there} && mkdir -p output && tar -cf - output`],
    ["tar", "-C", folder, "-xf", "-"],
    { signal },
  );
  if (fetched !== 0) return "lost";
  await ask(`cd ${there} && touch fetched`);
  return code;
}

function placeOf({ host, name }: LaunchOptions): { host: string; there: string } {
  const [machine = "", folder] = (host ?? "").split(/:(.*)/s);
  if (machine === "" || machine.startsWith("-"))
    throw new UsageError(`Expected --host user@machine or user@machine:folder, got \`${host}\``);
  // A quoted word, with the home folder for a leading ~/.
  const quoted = (folder ?? `tracemill/${name}`).replace(/^~\//, "").replaceAll("'", "'\\''");
  return { host: machine, there: /^[\w./-]+$/.test(quoted) ? quoted : `'${quoted}'` };
}

function following(folder: string, { tell, signal }: LaunchOptions): Following {
  return { log: join(folder, "train.log"), whole: true, tell, signal };
}
