// The Docker image of our Dockerfile: its name says what is in it, so an image of another version is never used by mistake.
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import { runnerDir, runnerFiles } from "./inside.ts";

function dockerfile(): string {
  return join(dirname(runnerDir()), "Dockerfile");
}

/** `tracemill-sandbox:<hash of the Dockerfile and the runner's files>`. */
export function imageName(): string {
  const files = [dockerfile(), ...runnerFiles().map((name) => join(runnerDir(), name))];
  return `tracemill-sandbox:${hashOf(files.map((file) => readFileSync(file, "utf8"))).slice(0, 12)}`;
}

/** The command that builds the image, as a person would type it. */
export function buildCommand(context: string): string[] {
  return ["docker", "build", "--network", "host", "--tag", imageName(), "--file", dockerfile(), context];
}

/**
 * Builds the image with the docker command and the classic builder, its output shown on stderr.
 * @throws {UsageError} when there is no docker command or the build fails.
 */
export async function buildImage(signal: AbortSignal): Promise<void> {
  // The runner's folder alone is the build context: nothing else of the machine is sent to the engine.
  const context = mkdtempSync(join(tmpdir(), "tracemill-image-"));
  try {
    for (const name of runnerFiles()) {
      mkdirSync(dirname(join(context, name)), { recursive: true });
      cpSync(join(runnerDir(), name), join(context, name));
      chmodSync(join(context, name), 0o644); // COPY keeps modes, and a checkout made under umask 077 is its owner's alone
    }
    const [command, ...args] = buildCommand(context) as [string, ...string[]];
    const env = { ...process.env, DOCKER_BUILDKIT: "0" };
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(command, args, { stdio: ["ignore", 2, 2], env, signal });
      child.once("error", (cause) =>
        reject(
          new UsageError(
            "Expected a docker command to build the image with, found none: install Docker's, or use bubblewrap",
            { cause },
          ),
        ),
      );
      child.once("exit", resolve);
    });
    if (code !== 0)
      throw new UsageError(`Expected \`${[command, ...args].join(" ")}\` to succeed, it left with ${code}: see above`);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
