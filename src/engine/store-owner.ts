// One process may have a store to itself, to replace its file: nobody else opens it meanwhile.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { StoreError } from "../domain/errors.ts";
import { type Holder, isAlive, thisHolder } from "./holder.ts";

/** Takes the store in `folder` for this process alone until it is disposed; whoever has it open keeps it. @throws {StoreError} */
export function ownStore(folder: string): Disposable {
  const mark = () => writeFileSync(markOf(folder), JSON.stringify(thisHolder()), { flag: "wx" });
  try {
    try {
      mark(); // `wx` lets only one of two newcomers pass
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      refuseOwned(folder);
      rmSync(markOf(folder), { force: true }); // a dead owner's
      mark();
    }
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError(`Cannot take the store in ${folder} for this process alone: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return { [Symbol.dispose]: () => rmSync(markOf(folder), { force: true }) };
}

/** @throws {StoreError} where another living process has the store in `folder` to itself. */
export function refuseOwned(folder: string): void {
  const owner = readOwner(folder);
  if (owner === null || !isAlive(owner) || owner.pid === process.pid) return;
  throw new StoreError(
    `Cannot open the store in ${folder}: process ${owner.pid} is tidying it (\`tracemill store\`). Wait for its end, then run the same command again.`,
  );
}

function readOwner(folder: string): Holder | null {
  try {
    return JSON.parse(readFileSync(markOf(folder), "utf8")) as Holder;
  } catch (error) {
    // Torn by a kill: its writer is dead.
    if (error instanceof SyntaxError) return null;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

function markOf(folder: string): string {
  return `${folder}.owner`;
}
