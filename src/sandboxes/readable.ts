// The inside is user 10001 to the kernel: data it shall read must be readable by everyone.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FailureError, UsageError } from "../domain/errors.ts";

/**
 * Checks that everyone may read the folder and every file in it. @throws {UsageError} naming the path and the command that mends
 * it; {FailureError} "sandbox" where it cannot be looked at, as when its disk went away.
 */
export async function checkReadable(dir: string): Promise<void> {
  const refuse = (path: string) => {
    throw new UsageError(`Expected data that every user may read, got \`${path}\`: run \`chmod -R a+rX ${dir}\``);
  };
  await look(dir, refuse).catch(cannotRead);
}

/** Checks that the folder is there, for a sandbox of the caller's own user. @throws {FailureError} "sandbox" where it is not. */
export async function checkThere(dir: string): Promise<void> {
  await stat(dir).catch(cannotRead);
}

function cannotRead(cause: unknown): never {
  if (cause instanceof UsageError) throw cause;
  const message = `Cannot read the data that the sandbox shall see: ${(cause as Error).message}`;
  throw new FailureError("sandbox", message, { cause });
}

async function look(dir: string, refuse: (path: string) => void): Promise<void> {
  if (((await stat(dir)).mode & 0o005) !== 0o005) refuse(dir);
  for (const entry of await readdir(dir, { recursive: true })) {
    const path = join(dir, entry);
    const found = await stat(path);
    const needed = found.isDirectory() ? 0o005 : 0o004;
    if ((found.mode & needed) !== needed) refuse(path);
  }
}
