// The host's side of the frames spoken with runner/runner.py. See docs/sandbox.md.
import { z } from "zod";
import { boundedText, stepEnds, stepResult } from "../domain/trajectory.ts";

export const protocolVersion = 2;

/** Largest frame either side accepts. */
export const maxFrameBytes = 16 * 1024 * 1024;

const envelope = { v: z.literal(protocolVersion), session: z.string(), seq: z.number().int() };

/** What the supervisor says. Strict: it is our own program, so anything else is a violation that ends the sandbox. */
export const supervisorFrame = z.discriminatedUnion("type", [
  z.strictObject({ ...envelope, type: z.literal("hello") }),
  z.strictObject({
    ...envelope,
    type: z.literal("done"),
    step: z.string(),
    end: z.enum(stepEnds),
    stdout: boundedText,
    stderr: boundedText,
    result: boundedText.nullable(),
    exception: stepResult.shape.exception,
    wallMs: z.number(),
    cpuMs: z.number(),
    stateLost: z.boolean(),
    detail: z.string().optional(),
  }),
]);
export type SupervisorFrame = z.infer<typeof supervisorFrame>;

/** One frame as bytes: u32 big-endian length, then JSON. */
export function encodeFrame(frame: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(frame), "utf8");
  const bytes = Buffer.allocUnsafe(4 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  body.copy(bytes, 4);
  return bytes;
}

/** Cuts a byte stream into frames whatever the chunks. @throws {Error} on a length above `maxFrameBytes` or a body that is no frame. */
export function frameReader(onFrame: (frame: SupervisorFrame) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let held = 0;
  let needed = 4;
  return (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    while (held >= needed) {
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, held);
      const length = bytes.readUInt32BE(0);
      if (length > maxFrameBytes) throw new Error(`Expected a frame of at most ${maxFrameBytes} bytes, got ${length}`);
      needed = 4 + length;
      if (held < needed) {
        chunks = [bytes];
        return;
      }
      const rest = bytes.subarray(needed);
      chunks = rest.length > 0 ? [rest] : [];
      held = rest.length;
      const body = bytes.toString("utf8", 4, needed);
      needed = 4;
      onFrame(supervisorFrame.parse(JSON.parse(body)));
    }
  };
}
