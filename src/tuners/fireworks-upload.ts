// How a file becomes a dataset at Fireworks: in one request, or by a signed address where it is large.
import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TuningFile, TuningService } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { ask, type HttpOptions, ServiceError } from "./http.ts";
import { objectOf, textOf } from "./read.ts";

interface UploadOptions {
  readonly pollMs: number;
  /** Above this a file goes to a signed address; bytes. */
  readonly limit: number;
  /** Does again what broke for a while, with the last error in words. */
  readonly retried: <T>(what: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;
  readonly read: (path: string, signal: AbortSignal, what: string) => Promise<Record<string, unknown>>;
}

const lengthRange = "x-goog-content-length-range";

/** Uploads a file as the dataset that is named by its content, unless it is there, and waits until it is ready. @throws {UsageError} for a file that the service refuses. */
export function fireworksUpload(
  http: HttpOptions,
  { pollMs, limit, retried, read }: UploadOptions,
): TuningService["upload"] {
  async function put(file: TuningFile, id: string, signal: AbortSignal): Promise<void> {
    const name = basename(file.path);
    if (file.bytes <= limit) {
      const form = new FormData();
      form.append("file", await openAsBlob(file.path), name);
      await ask(http, `/datasets/${id}:upload`, { method: "POST", body: form, signal });
      return;
    }
    const body = { filenameToSize: { [name]: String(file.bytes) } };
    const answer = await ask(http, `/datasets/${id}:getUploadEndpoint`, { method: "POST", body, signal });
    const urls = objectOf(objectOf(await answer.json()).filenameToSignedUrls);
    const url = textOf(urls[name]) ?? textOf(Object.values(urls)[0]);
    if (url === null || !URL.canParse(url))
      throw new ServiceError(502, `expected an address for \`${name}\`, got none`);
    await ask({ ...http, headers: {} }, url, {
      method: "PUT",
      body: await openAsBlob(file.path),
      headers: { "content-type": "application/octet-stream", ...signedLength(url, file.bytes) },
      signal,
    });
    await ask(http, `/datasets/${id}:validateUpload`, { method: "POST", body: {}, signal });
  }

  return async (file, { signal, tell }) => {
    // Named by its content: the same file is the same dataset.
    const id = `tm-${file.sha256.slice(0, 20)}`;
    const known = await read(`/datasets/${id}`, signal, "look for the file").catch((error: unknown) => {
      if (error instanceof UsageError && (error.cause as ServiceError | undefined)?.status === 404) return null;
      throw error;
    });
    if (known === null) {
      const body = { datasetId: id, dataset: { userUploaded: {}, exampleCount: String(file.rows) } };
      await retried("make a dataset", signal, async () => {
        await ask(http, "/datasets", { method: "POST", body, signal }).catch((error: unknown) => {
          // Made by a try whose answer was lost.
          if (!(error instanceof ServiceError) || error.status !== 409) throw error;
        });
      });
    }
    if (known === null || textOf(known.state) !== "READY")
      await retried("upload the file", signal, () => put(file, id, signal));
    for (;;) {
      const found = await read(`/datasets/${id}`, signal, "look at the file");
      const state = textOf(found.state) ?? "READY";
      if (state === "READY") return id;
      const status = objectOf(found.status);
      if (state !== "UPLOADING" && state !== "STATE_UNSPECIFIED")
        throw new UsageError(
          `Fireworks refuses the file ${basename(file.path)} (${id}, ${state}): ${textOf(status.message) ?? "no reason given"}`,
        );
      tell(`${id} ${state.toLowerCase()}`);
      await sleep(pollMs, undefined, { signal });
    }
  };
}

/** The header with the file's length, where the address was signed with one: without it, or with another, its signature does not hold. */
function signedLength(url: string, bytes: number): Record<string, string> {
  const query = [...new URL(url).searchParams].find(([name]) => name.toLowerCase() === "x-goog-signedheaders");
  return query?.[1].toLowerCase().split(";").includes(lengthRange) ? { [lengthRange]: `${bytes},${bytes}` } : {};
}
