// Which stored values a run used: so that tidying a store can tell what no run needs any more.
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import type { Recall, Remember } from "../contracts.ts";
import { StoreError } from "../domain/errors.ts";
import { linesOf } from "../engine/events.ts";
import { createSeen } from "../engine/seen.ts";

const hashDigits = 16;

/** A key as it is noted: its kind and the first 16 digits of its hash. */
export function shortKey(key: string): string {
  return key.slice(0, key.indexOf("/") + 1 + hashDigits);
}

/** A `remember` that notes every key it gave a value for, each once; in memory until `writeTo` names a file. Dispose it to close that. */
export function noteUsed(remember: Remember) {
  const seen = createSeen();
  let waiting = "";
  let file: { readonly path: string; readonly descriptor: number } | undefined;

  // At once and not in blocks: what a killed run paid for counts as used as well.
  function note(key: string): void {
    if (!seen.add(key)) return;
    waiting += `${shortKey(key)}\n`;
    if (file !== undefined) flush(file);
  }

  function flush({ path, descriptor }: NonNullable<typeof file>): void {
    const text = waiting;
    waiting = "";
    onDisk(path, () => {
      for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(descriptor, bytes));
    });
  }

  const noting: Remember = async (what, schema, compute, options) => {
    const remembered = await remember(what, schema, compute, options);
    note(remembered.key);
    return remembered;
  };
  return {
    remember: noting,
    /** A `recall` that notes what it gives, as `remember` does. */
    recalls:
      (recall: Recall): Recall =>
      (what, schema) => {
        const remembered = recall(what, schema);
        if (remembered !== null) note(remembered.key);
        return remembered;
      },
    /** @throws {StoreError} when the disk refuses; so does `remember` from then on. */
    writeTo(path: string): void {
      file = { path, descriptor: onDisk(path, () => openSync(path, "a")) };
      flush(file);
    },
    [Symbol.dispose]() {
      if (file !== undefined) closeSync(file.descriptor);
      file = undefined;
    },
  };
}

/** The keys that a run noted, shortened. */
export function readUsed(path: string): AsyncIterable<string> {
  return linesOf(createReadStream(path, { encoding: "utf8" }));
}

function onDisk<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StoreError(
      `Cannot write what the run uses to ${path}: ${(cause as Error).message}. Free some space, then run the same command again.`,
      { cause },
    );
  }
}
