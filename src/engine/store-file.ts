import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../domain/errors.ts";

const magic = 0xbeefc0de;
const magicAt = 24;

/** Looks whether the store's file begins as one of LMDB's, which would end the process over any other. @throws {UsageError} */
export function expectStoreFile(folder: string): void {
  const path = join(folder, "data.mdb");
  if (!existsSync(path)) return;
  const head = Buffer.alloc(magicAt + 4);
  const file = openSync(path, "r");
  const length = readSync(file, head);
  closeSync(file);
  if (length === 0 || head.readUInt32LE(magicAt) === magic) return;
  throw new UsageError(
    `Expected a store in \`${folder}\`, got a data.mdb that is damaged or another program's: put a copy of it back, ` +
      "or move it away (what was paid for in it is then asked anew), or name another folder with --output",
  );
}
