// What a zip archive says of its parts, to tell a workbook from another archive, and a bomb from a large workbook, before unpacking.
import { UsageError } from "../domain/errors.ts";

export interface ZipPart {
  readonly name: string;
  /** Unpacked size as stated; what unpacks holds to it. */
  readonly bytes: number;
}

/** The parts an archive's directory lists. @throws {UsageError} when the archive is cut or no zip archive. */
export function zipParts(archive: Buffer): ZipPart[] {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || end + 22 > archive.length) {
    throw new UsageError("expected a whole workbook, got a cut or damaged one: copy or download it again");
  }
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  const parts: ZipPart[] = [];
  for (let index = 0; index < count; index++) {
    if (at + 46 > end || archive.readUInt32LE(at) !== 0x02014b50) {
      throw new UsageError("expected a whole workbook, got a damaged zip directory: copy or download it again");
    }
    const [name, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const packed = archive.readUInt32LE(at + 20);
    const stated = archive.readUInt32LE(at + 24);
    parts.push({
      name: archive.toString("utf8", at + 46, at + 46 + name),
      // No size, or one that stands elsewhere: taken for the largest.
      bytes: stated === 0 && packed > 2 ? 0xffffffff : stated,
    });
    at += 46 + name + extra + comment;
  }
  return parts;
}
