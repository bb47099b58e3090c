import { access, constants, mkdir } from "node:fs/promises";
import { fullDisk, StoreError, UsageError } from "../domain/errors.ts";

/** Makes a folder where it is missing, and looks whether it can be written. @throws {UsageError} when not; {StoreError} on a full disk. */
export async function makeWritableFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const full = fullDisk(code);
    if (full !== null) throw new StoreError(`Cannot make the folder ${path}: ${full}.`, { cause });
    throw new UsageError(
      `Expected a folder that can be written at \`${path}\`, got: ${message}. Name another with --output.`,
      { cause },
    );
  }
}
