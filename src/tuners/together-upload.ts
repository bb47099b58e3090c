// How a file gets to Together AI, our own: the official client's upload does not work on Node.
import { openAsBlob } from "node:fs";
import { open } from "node:fs/promises";
import { basename, extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TuningFile, TuningService } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { ask, type HttpOptions, ServiceError } from "./http.ts";
import { listOf, objectOf, textOf } from "./read.ts";
import { reportProblems } from "./together-report.ts";

const partBytes = 250 * 1000 ** 2;

interface UploadOptions {
  readonly pollMs: number;
  /** Above this a file goes up in parts; bytes. */
  readonly limit: number;
  /** Does again what broke for a while, with the last error in words. */
  readonly retried: <T>(what: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;
}

/** Uploads by the redirect to a signed address, or in parts, then waits for the service's report and compares it. @throws {UsageError} for a file that it refuses or reads otherwise. */
export function togetherUpload(http: HttpOptions, { pollMs, limit, retried }: UploadOptions): TuningService["upload"] {
  /** Where the bytes go, by the service's redirect; the signed address gets no key. */
  async function place(file: TuningFile, signal: AbortSignal): Promise<{ url: string; id: string }> {
    const query = new URLSearchParams({
      file_name: basename(file.path),
      file_type: extname(file.path).slice(1),
      purpose: "fine-tune",
    });
    const response = await ask(http, `/files?${query}`, {
      method: "POST",
      body: query,
      redirects: true,
      signal,
    });
    const [url, id] = [response.headers.get("location"), response.headers.get("x-together-file-id")];
    if (response.status !== 302 || url === null || id === null)
      throw new ServiceError(502, `expected a redirect with an address and a file id, got ${response.status}`);
    return { url, id };
  }

  async function put(file: TuningFile, signal: AbortSignal): Promise<string> {
    // Each try asks for an address anew: a signed one may be used up. A blob has a length, which such addresses want.
    return retried("upload the file", signal, async () => {
      const { url, id } = await place(file, signal);
      await ask({ ...http, headers: {} }, url, {
        method: "PUT",
        body: await openAsBlob(file.path),
        headers: { "content-type": "application/octet-stream" },
        signal,
      });
      return id;
    });
  }

  async function putParts(
    file: TuningFile,
    { signal, tell }: { signal: AbortSignal; tell: (line: string) => void },
  ): Promise<string> {
    const count = Math.ceil(file.bytes / Math.min(partBytes, limit));
    const begun = objectOf(
      await retried("begin the upload", signal, async () =>
        (
          await ask(http, "/files/multipart/initiate", {
            method: "POST",
            body: {
              file_name: basename(file.path),
              file_size: file.bytes,
              num_parts: count,
              purpose: "fine-tune",
              file_type: extname(file.path).slice(1),
            },
            signal,
          })
        ).json(),
      ),
    );
    const [id, upload] = [textOf(begun.file_id) ?? "", textOf(begun.upload_id) ?? ""];
    const done: { part_number: number; etag: string }[] = [];
    const size = Math.ceil(file.bytes / count);
    const parts = listOf(begun.parts);
    if (id === "" || parts.length !== count)
      throw new UsageError(
        `Expected Together AI to give ${count} addresses for parts of the file, got ${parts.length}`,
      );
    await using handle = await open(file.path);
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.alloc(Math.min(size, file.bytes - index * size));
      await handle.read(bytes, 0, bytes.byteLength, index * size);
      const url = textOf(part.URL) ?? textOf(part.url) ?? "";
      const response = await retried(`upload part ${index + 1} of ${count}`, signal, () =>
        ask({ ...http, headers: {} }, url, {
          method: "PUT",
          body: bytes,
          headers: { "content-type": "application/octet-stream" },
          signal,
        }),
      );
      done.push({ part_number: index + 1, etag: response.headers.get("etag") ?? "" });
      tell(`part ${index + 1} of ${count} is up`);
    }
    await retried("end the upload", signal, () =>
      ask(http, "/files/multipart/complete", {
        method: "POST",
        body: { file_id: id, upload_id: upload, parts: done },
        signal,
      }),
    );
    return id;
  }

  return async (file, { signal, tell }) => {
    const id = file.bytes > limit ? await putParts(file, { signal, tell }) : await put(file, signal);
    // Older servers want to be told that the bytes are there, newer ones do not know the word.
    await retried("have the file looked at", signal, () =>
      ask(http, `/files/${id}/preprocess`, { method: "POST", signal }).catch((error: unknown) => {
        if (!(error instanceof ServiceError) || error.status >= 500 || error.status === 429) throw error;
      }),
    );
    let said = "";
    for (;;) {
      const found = objectOf(
        await retried("look at the file", signal, async () => (await ask(http, `/files/${id}`, { signal })).json()),
      );
      const status = textOf(found.processing_status) ?? textOf(found.processingStatus) ?? "COMPLETED";
      const problems = reportProblems(objectOf(found.validation_report), file);
      if (status === "FAILED" || status === "INVALID_FORMAT" || (status === "COMPLETED" && problems.length > 0))
        throw new UsageError(
          `Together AI refuses the file ${basename(file.path)} (${id}, ${status}): ${problems.join("; ") || "no reason given"}`,
        );
      if (status === "COMPLETED") return id;
      if (status !== said) tell(`${id} ${status.toLowerCase()}`);
      said = status;
      await sleep(pollMs, undefined, { signal });
    }
  };
}
