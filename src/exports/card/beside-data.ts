import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExportedFile } from "../../contracts.ts";
import { sha256 } from "../../domain/hash.ts";
import type { CardSubject } from "./subject.ts";

/** What is published beside the data, as it lies there now: prompts, functions, what trainers read besides. Small files, read whole. */
export async function besideData(subject: CardSubject): Promise<Pick<ExportedFile, "path" | "bytes" | "sha256">[]> {
  const { folder, prompts = [], tools = [], companions = [] } = subject;
  const paths = [
    ...companions,
    ...(tools.length === 0 ? [] : [join(folder, "tools.json")]),
    ...prompts.filter(({ text }) => text !== null).map(({ name }) => join(folder, "prompts", name)),
  ];
  return Promise.all(
    paths.map(async (path) => {
      const bytes = await readFile(path);
      return { path, bytes: bytes.length, sha256: sha256(bytes) };
    }),
  );
}
