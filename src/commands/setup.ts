import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { UsageError } from "../domain/errors.ts";
import { bubblewrapLacks, bwrapPath } from "../sandboxes/bubblewrap.ts";
import { cgroupHomes, findCgroupRoots, openHomes } from "../sandboxes/cgroup.ts";
import { dockerLacks } from "../sandboxes/docker.ts";
import { buildImage, imageName } from "../sandboxes/image.ts";
import { openSandboxBackend } from "../sandboxes/index.ts";
import { missingModules, pythonPackages } from "../sandboxes/python.ts";

export interface SetupArguments {
  readonly image: boolean;
}

export function builder(argv: Argv): Argv {
  return argv.option("image", {
    type: "boolean",
    default: false,
    describe: "Also build the Docker image of the sandbox where an engine answers",
  });
}

export async function handler(args: ArgumentsCamelCase<SetupArguments>): Promise<void> {
  const signal = new AbortController().signal;
  const docker = await dockerLacks();
  if (docker === null) return ready("docker", signal);
  if (args.image) {
    if (!docker.engine)
      throw new UsageError(`Expected a Docker engine to build the image with, but ${docker.reason}: ${docker.wayOut}`);
    return build(signal);
  }
  const bubblewrap = await bubblewrapLacks();
  if (bubblewrap === null) {
    const hint = docker.engine
      ? ` Docker answers too, without our image; \`npx tracemill setup --image\` builds it.`
      : "";
    return ready("bubblewrap", signal, hint);
  }
  say(`setup: no usable sandbox yet. Docker: ${docker.reason}. bubblewrap: ${bubblewrap.reason}.`);
  if (docker.engine) {
    try {
      return await build(signal);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      say(`setup: Docker it is not, then: ${error.message}`);
    }
  }
  const commands = bubblewrap.installable && existsSync("/usr/bin/apt-get") ? await installCommands() : [];
  const prefix = commands.length > 0 ? await rootPrefix() : null;
  if (prefix !== null) {
    for (const words of commands) await run([...prefix, ...words]);
    const left = await bubblewrapLacks();
    if (left)
      throw new UsageError(
        `Expected bubblewrap to be usable after the installation, but ${left.reason}: ${left.wayOut}`,
      );
    return ready("bubblewrap", signal);
  }
  const typed = commands.map((words) => `  sudo ${words.map(quote).join(" ")}`).join("\n");
  throw new UsageError(
    commands.length > 0
      ? `This needs root, and \`sudo -n\` does not work here. Type:\n${typed}\nthen run the same command again. Or start Docker, and it builds its image.`
      : `Expected a usable sandbox, but Docker: ${docker.reason} (${docker.wayOut}); bubblewrap: ${bubblewrap.reason} (${bubblewrap.wayOut}). With Docker started, run the same command again; it builds the image.`,
  );
}

/** Says so only once a real sandbox has shown it. */
async function ready(backend: "docker" | "bubblewrap", signal: AbortSignal, hint = ""): Promise<void> {
  await using tried = await openSandboxBackend({ backend, preimport: [], signal });
  say(`setup: ready. ${tried.name} was tried with real sandboxes and holds its promises here.${hint}`);
}

async function build(signal: AbortSignal): Promise<void> {
  say(`setup: building ${imageName()} from our Dockerfile (minutes, once)`);
  await buildImage(signal);
  await ready("docker", signal);
}

/** What root has to run, in order; nothing that is there already. */
async function installCommands(): Promise<string[][]> {
  const packages = (await missingModules()).map((name) => pythonPackages[name] as string);
  if (packages.length > 0) packages.push("libopenblas0-pthread"); // the same arithmetic as in the image
  if (!existsSync(bwrapPath)) packages.unshift("bubblewrap");
  const commands: string[][] = [];
  if (packages.length > 0) {
    commands.push(["apt-get", "update"]);
    commands.push([
      "env",
      "DEBIAN_FRONTEND=noninteractive",
      "apt-get",
      "install",
      "-y",
      "--no-install-recommends",
      ...packages,
    ]);
  }
  const roots = findCgroupRoots();
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0 && roots?.kind === "v1" && !openHomes(roots, uid)) {
    const homes = cgroupHomes(roots, uid); // they last until the next boot
    commands.push(["mkdir", "-p", ...homes], ["chown", "-R", String(uid), ...homes]);
  }
  return commands;
}

/** How this process becomes root without being asked for a password, or null. */
async function rootPrefix(): Promise<string[] | null> {
  if (process.getuid?.() === 0) return [];
  const code = await exitOf(["sudo", "-n", "true"], "ignore").catch(() => 1); // no sudo at all
  return code === 0 ? ["sudo", "-n"] : null;
}

async function run(words: string[]): Promise<void> {
  say(`setup: ${words.map(quote).join(" ")}`);
  const umask = process.umask(0o022); // what is installed is for every user, also where this one keeps files to itself
  const code = await exitOf(words, 2).finally(() => process.umask(umask));
  if (code === 0) return;
  const wayOut = words.includes("apt-get")
    ? "apt says why above; check the network and /etc/apt, then run the same command again"
    : "see above";
  throw new UsageError(`Expected \`${words.map(quote).join(" ")}\` to succeed, it left with ${code}: ${wayOut}`);
}

function exitOf([command, ...args]: string[], output: "ignore" | 2): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command as string, args, { stdio: ["ignore", output, output] });
    child.once("error", reject);
    child.once("exit", resolve);
  });
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function say(line: string): void {
  console.log(line);
}
