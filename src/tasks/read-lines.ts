import { createReadStream } from "node:fs";
import { UsageError } from "../domain/errors.ts";

/** One line of a file; `line` counts from 1. `problem` says why it cannot be read as text, and `text` is empty then. */
export interface FileLine {
  readonly line: number;
  readonly text: string;
  readonly problem: string | null;
}

const longestLineBytes = 8 * 1024 * 1024;
const newline = 0x0a;

/**
 * The lines of a UTF-8 file that hold something, holding one at a time (8 MiB at most). A byte order mark and CRLF are taken off.
 * @throws {UsageError} when the file cannot be read.
 */
export async function* readLines(path: string): AsyncGenerator<FileLine> {
  let line = 1;
  let parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
        take(chunk.subarray(from, end));
        yield* finish();
        from = end + 1;
        line += 1;
      }
      take(chunk.subarray(from));
    }
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause)) throw cause;
    throw new UsageError(
      `Expected a file of questions at \`${path}\`, got ${cause.message}: check the path (in a config it is relative to the config's own folder)`,
      { cause },
    );
  }
  yield* finish();

  function take(part: Buffer): void {
    bytes += part.length;
    // What is too long to be a question is counted, and let go.
    if (bytes <= longestLineBytes) parts.push(part);
    else parts = [];
  }

  function* finish(): Generator<FileLine> {
    const [content, length] = [Buffer.concat(parts), bytes];
    parts = [];
    bytes = 0;
    if (length > longestLineBytes) {
      yield {
        line,
        text: "",
        problem: `expected at most ${longestLineBytes} bytes, got ${length}: one line is one question`,
      };
      return;
    }
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: line > 1 }).decode(content);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      yield { line, text: "", problem: "expected UTF-8, got bytes that are not: save the file as UTF-8" };
      return;
    }
    if (text.trim() !== "") yield { line, text: text.trim(), problem: null };
  }
}
