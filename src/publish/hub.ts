// A folder as a dataset repository of the Hugging Face Hub.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { FailureError, UsageError } from "../domain/errors.ts";

/** What is pushed, and to where. `files` are relative to `folder`. */
export interface HubPush {
  readonly folder: string;
  readonly files: readonly string[];
  readonly repo: string;
  readonly token: string;
  readonly hubUrl: string;
  readonly isPrivate: boolean;
  readonly branch: string;
  readonly message: string;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  /** Before the first try again; four times as long before each further one. */
  readonly pauseMs?: number;
}

/** What came of it: files that were sent and those that were there already; the commit's address, null where nothing was to be sent. */
export interface HubPushed {
  readonly sent: number;
  readonly same: number;
  readonly url: string | null;
}

const tries = 4;

/**
 * Makes the repository where there is none and commits what differs, large files first. The same folder again sends nothing.
 * @throws {UsageError} for what only a person can mend; {FailureError} "provider" where the Hub broke: the same command goes on.
 */
export async function pushToHub(options: HubPush): Promise<HubPushed> {
  const hub = await import("@huggingface/hub");
  const { folder, repo: name, token, hubUrl, isPrivate, branch, tell, signal } = options;
  const repo = { type: "dataset", name } as const;
  const access = { accessToken: token, hubUrl };
  await inWords(options, "make the repository", async () => {
    try {
      await hub.createRepo({ repo, visibility: isPrivate ? "private" : "public", ...access });
      tell(`made      ${hubUrl}/datasets/${name}, ${isPrivate ? "private" : "public"}`);
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      const info = await hub.datasetInfo({ name, ...access });
      if (isPrivate && !info.private)
        throw new UsageError(
          `Expected \`${name}\` to be private, got a public repository of that name: --public says that it may be, or name another`,
        );
      tell(`found     ${hubUrl}/datasets/${name}, ${info.private ? "private" : "public"}`);
    }
  });
  const there = await inWords(options, "list what is there", async () => {
    const known = new Map<string, string>();
    for await (const { path, oid, lfs } of hub.listFiles({ repo, recursive: true, revision: branch, ...access }))
      known.set(path, lfs?.oid ?? oid ?? "");
    return known;
  });
  const differing: string[] = [];
  for (const file of options.files) if (!(await isThere(join(folder, file), there.get(file)))) differing.push(file);
  const same = options.files.length - differing.length;
  if (differing.length === 0) return { sent: 0, same, url: null };

  const commit = await inWords(options, "upload", async () => {
    const upload = hub.uploadFilesWithProgress({
      repo,
      files: differing.map((file) => ({ path: file, content: pathToFileURL(join(folder, file)) })),
      commitTitle: options.message,
      branch,
      abortSignal: signal,
      // The plain protocol: one PUT a file, which a proxy lets through and a test can read.
      useXet: false,
      ...access,
    });
    for (;;) {
      const { value, done } = await upload.next();
      if (done) return value;
      if (value.event === "fileProgress" && value.state === "uploading" && value.progress === 1)
        tell(`sent      ${value.path}`);
      if (value.event === "phase" && value.phase === "committing") tell("commit    the Hub has the files");
    }
  });
  return { sent: differing.length, same, url: commit?.commit.url ?? null };
}

/** Whether the Hub has this very file: by SHA-256 for large ones, by git's own hash for small ones. */
async function isThere(path: string, oid: string | undefined): Promise<boolean> {
  if (oid === undefined || oid === "") return false;
  const { size } = await stat(path);
  const sha256 = createHash("sha256");
  const blob = createHash("sha1").update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path)) {
    sha256.update(chunk as Buffer);
    blob.update(chunk as Buffer);
  }
  return oid === sha256.digest("hex") || oid === blob.digest("hex");
}

function statusOf(error: unknown): number | null {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === "number" ? status : null;
}

/** Tries again what broke on the way, and says in words what did not pass. */
async function inWords<T>(
  { repo, hubUrl, signal, pauseMs = 500 }: HubPush,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UsageError) throw error;
      const status = statusOf(error);
      const message = error instanceof Error ? error.message : String(error);
      if (status !== null && status < 500 && status !== 429)
        throw new UsageError(`The Hub answered ${status} to ${what}: ${hint(status, repo)} (${message})`, {
          cause: error,
        });
      if (tried < tries) {
        await setTimeout(pauseMs * 4 ** (tried - 1), undefined, { signal });
        continue;
      }
      throw new FailureError(
        "provider",
        `The Hub at ${hubUrl} could not be brought to ${what}: ${message}. Run the same command again: what is there is not sent twice`,
        { cause: error },
      );
    }
  }
}

function hint(status: number, repo: string): string {
  if (status === 401) return "the token is not one of the Hub's, or has expired";
  if (status === 403) return `the token may not write to \`${repo}\`, or the account's room is used up`;
  if (status === 404) return `there is no \`${repo}\` that this token may see, or no such branch`;
  return "it refuses the request";
}
