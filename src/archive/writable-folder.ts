import { access, constants, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fullDisk, StoreError, UsageError } from "../domain/errors.ts";

/** Makes a folder where it is missing, and looks whether it can be written. @throws {UsageError} when not; {StoreError} on a full disk. */
export async function makeWritableFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
    await access(path, constants.W_OK);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const full = fullDisk(code);
    if (full !== null) throw new StoreError(`Cannot make the folder ${path}: ${full}.`, { cause });
    const got = code === "ENOTDIR" || code === "EEXIST" ? "a file in its way" : message.split(", ")[0];
    throw new UsageError(
      `Expected a folder that can be written at \`${path}\`, got: ${got}. Name another with --output.`,
      { cause },
    );
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // Node says ENOENT where a read-only disk refuses a folder of several to be made; the first of them says why.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(dirname(path)).catch((refusal: NodeJS.ErrnoException) => {
      if (refusal.code !== "EEXIST") throw refusal;
    });
    await mkdir(path);
  }
}
