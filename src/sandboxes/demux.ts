/**
 * Splits Docker's multiplexed attach stream (8-byte header: stream, 0, 0, 0, u32be length) as it comes, without joining or keeping
 * payloads; `onBytes` is told stream 1 (stdout) or 2 (stderr).
 */
export function demultiplexer(onBytes: (stream: number, bytes: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(8);
  let headerHeld = 0;
  let payloadLeft = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const end = Math.min(chunk.length, at + payloadLeft);
        onBytes(header[0] as number, chunk.subarray(at, end));
        payloadLeft -= end - at;
        at = end;
      } else {
        const taken = chunk.copy(header, headerHeld, at, Math.min(chunk.length, at + 8 - headerHeld));
        headerHeld += taken;
        at += taken;
        if (headerHeld < 8) return;
        payloadLeft = header.readUInt32BE(4);
        headerHeld = 0;
      }
    }
  };
}
