// A folder as a dataset repository of the Hugging Face Hub.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { UsageError } from "../domain/errors.ts";
import { inWords, mayPass, statusOf } from "./hub-errors.ts";

/** What is pushed, and to where. `files` are relative to `folder`. */
export interface HubPush {
  readonly folder: string;
  readonly files: readonly string[];
  /** `organisation/name`. */
  readonly repo: string;
  readonly token: string;
  readonly hubUrl: string;
  readonly isPrivate: boolean;
  /** Made from `main` where there is none of that name. */
  readonly branch: string;
  readonly message: string;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  /** The wait before the second try; doubled for each further one. */
  readonly firstWaitMs?: number;
}

/** What came of it: files that were sent and those that were there already; the commit's address, null where nothing was to be sent. */
export interface HubPushed {
  readonly sent: number;
  readonly same: number;
  readonly url: string | null;
}

type Hub = typeof import("@huggingface/hub");

const tries = 4;

/**
 * Makes the repository where there is none and commits what differs, large files first. The same folder again sends nothing, and after a
 * break only what the Hub does not have yet. @throws {UsageError} for what only a person can mend; {FailureError} "provider" where the Hub or the way to it broke.
 */
export async function pushToHub(options: HubPush): Promise<HubPushed> {
  const hub = await import("@huggingface/hub");
  const { folder, files } = options;
  await findOrMake(hub, options);
  const digests = new Map<string, Digests>();
  let first: number | null = null;
  const url = await persist(options, "upload to", async () => {
    // Asked anew at each try: the answer to a commit may have been lost after it was made.
    const there = await filesThere(hub, options);
    const differing: string[] = [];
    for (const file of files) {
      const oid = there.get(file);
      const own = oid === undefined ? null : (digests.get(file) ?? (await digestsOf(join(folder, file))));
      if (own !== null) digests.set(file, own);
      if (own === null || (oid !== own.sha256 && oid !== own.blob)) differing.push(file);
    }
    first ??= differing.length;
    return differing.length === 0 ? null : send(hub, { ...options, files: differing });
  });
  const sent = first ?? 0;
  return { sent, same: files.length - sent, url };
}

async function send(hub: Hub, options: HubPush): Promise<string | null> {
  const { folder, files, message, branch, signal, tell } = options;
  const told = new Set<string>();
  const upload = hub.uploadFilesWithProgress({
    repo: repoOf(options),
    files: files.map((file) => ({ path: file, content: pathToFileURL(join(folder, file)) })),
    commitTitle: message,
    branch,
    abortSignal: signal,
    // The plain protocol: PUT requests, which a proxy lets through and a test can read.
    useXet: false,
    ...accessOf(options),
  });
  for (;;) {
    const { value, done } = await upload.next();
    if (done) return value?.commit.url ?? null;
    if (value.event === "phase" && value.phase === "committing")
      tell("commit    small files, and which large ones there are");
    if (value.event !== "fileProgress" || value.state !== "uploading" || value.progress < 1) continue;
    if (!told.has(value.path)) tell(`sent      ${value.path}`);
    told.add(value.path);
  }
}

function repoOf({ repo }: HubPush): { readonly type: "dataset"; readonly name: string } {
  return { type: "dataset", name: repo };
}

function accessOf({ token, hubUrl }: HubPush): { readonly accessToken: string; readonly hubUrl: string } {
  return { accessToken: token, hubUrl };
}

/** A repository of that name which is as private as it was asked to be. */
async function findOrMake(hub: Hub, options: HubPush): Promise<void> {
  const { repo, isPrivate, hubUrl, tell } = options;
  const access = accessOf(options);
  await persist(options, "make the repository", async () => {
    try {
      await hub.createRepo({ repo: repoOf(options), visibility: isPrivate ? "private" : "public", ...access });
      tell(`made      ${hubUrl}/datasets/${repo}, ${isPrivate ? "private" : "public"}`);
      return;
    } catch (error) {
      // 403: who may write to a repository need not have the right to make one.
      const status = statusOf(error);
      if (status !== 409 && status !== 403) throw error;
      const found = await hub.datasetInfo({ name: repo, ...access }).catch((second: unknown) => {
        throw status === 403 && [401, 403, 404].includes(statusOf(second) ?? 0) ? error : second;
      });
      if (isPrivate && !found.private)
        throw new UsageError(
          `Expected \`${repo}\` to be private, got a public repository of that name: --public says that everybody may read it, or name another with --repo. Nothing was sent`,
        );
      const stays = !isPrivate && found.private ? ": it stays private, its settings say who may read it" : "";
      tell(`found     ${hubUrl}/datasets/${repo}, ${found.private ? "private" : "public"}${stays}`);
    }
  });
}

/** What the branch holds: path -> SHA-256 of a large file, or git's hash of a small one. */
async function filesThere(hub: Hub, options: HubPush): Promise<ReadonlyMap<string, string>> {
  const repo = repoOf(options);
  const { branch } = options;
  const list = async () => {
    const known = new Map<string, string>();
    // The library puts the name into the address as it is.
    const revision = encodeURIComponent(branch);
    for await (const { path, oid, lfs } of hub.listFiles({ repo, recursive: true, revision, ...accessOf(options) }))
      known.set(path, lfs?.oid ?? oid ?? "");
    return known;
  };
  try {
    return await list();
  } catch (error) {
    if (statusOf(error) !== 404 || branch === "main") throw error;
    await hub.createBranch({ repo, branch, ...accessOf(options) });
    options.tell(`made      the branch ${branch}`);
    return list();
  }
}

/** By what the Hub knows a file: SHA-256 for large ones, git's own hash for small ones. */
interface Digests {
  readonly sha256: string;
  readonly blob: string;
}

async function digestsOf(path: string): Promise<Digests> {
  const { size } = await stat(path);
  const sha256 = createHash("sha256");
  const blob = createHash("sha1").update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path)) {
    sha256.update(chunk as Buffer);
    blob.update(chunk as Buffer);
  }
  return { sha256: sha256.digest("hex"), blob: blob.digest("hex") };
}

/** Tries again what broke on the way, and says in words what did not pass. */
async function persist<T>(options: HubPush, what: string, work: () => Promise<T>): Promise<T> {
  const { repo, branch, hubUrl, signal, tell, firstWaitMs = 500 } = options;
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UsageError) throw error;
      if (tried === tries || !mayPass(error)) throw inWords(error, { what, repo, branch, hubUrl });
      tell(`again     the Hub broke off (${statusOf(error) ?? "connection"}), try ${tried + 1} of ${tries}`);
      await after(firstWaitMs * 2 ** (tried - 1), undefined, { signal });
    }
  }
}
