// A Hub on loopback: the plain protocol that @huggingface/hub 2.17.5 speaks without Xet, read off its source; the real Hub was not asked.
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "./faults.ts";
import { serveOnLoopback } from "./loopback-server.ts";

/** What the server does instead of answering, once, to the first request of this kind. */
export interface HubFault {
  readonly at: "create" | "tree" | "preupload" | "batch" | "put" | "commit";
  readonly status: number | "reset";
}

export interface HubServer extends AsyncDisposable {
  readonly url: string;
  /** Every request, in order: `POST /api/repos/create`. */
  readonly requests: readonly string[];
  /** What is there, by `org/name`. */
  readonly repos: ReadonlyMap<string, HubRepo>;
  /** SHA-256 of every file that was PUT and arrived whole. */
  readonly puts: readonly string[];
}

export interface HubRepo {
  readonly isPrivate: boolean;
  readonly files: Map<string, Buffer>;
  readonly large: Set<string>;
  readonly commits: { readonly summary: string; readonly branch: string; readonly paths: readonly string[] }[];
}

/** A Hub where `token` may write and repositories of `existing` are. Files of `.parquet`, or of more than 4 kB, go to large storage; a page of the tree has 3 entries. */
export async function hubServer({
  token,
  existing = {},
  faults = [],
}: {
  readonly token: string;
  readonly existing?: Readonly<Record<string, "private" | "public">>;
  readonly faults?: readonly HubFault[];
}): Promise<HubServer> {
  const repos = new Map<string, HubRepo>();
  const make = (name: string, isPrivate: boolean) =>
    repos.set(name, { isPrivate, files: new Map(), large: new Set(), commits: [] });
  for (const [name, visibility] of Object.entries(existing)) make(name, visibility === "private");
  const stored = new Map<string, Buffer>();
  const requests: string[] = [];
  const puts: string[] = [];
  const left = [...faults];
  let origin = "";

  /** Whether a planned fault was the answer. */
  function broke(at: HubFault["at"], response: ServerResponse): boolean {
    const index = left.findIndex((fault) => fault.at === at);
    const [fault] = index < 0 ? [] : left.splice(index, 1);
    if (fault === undefined) return false;
    if (fault.status === "reset") response.destroy();
    else sendJson(response, fault.status, { error: `planned ${fault.status}` });
    return true;
  }

  const routes: readonly [RegExp, HubFault["at"] | null, (call: Call) => void][] = [
    [
      /^POST \/api\/repos\/create$/,
      "create",
      ({ body, response }) => {
        const asked = JSON.parse(body.toString()) as Record<string, string>;
        const name = `${asked.organization}/${asked.name}`;
        if (asked.type !== "dataset") return sendJson(response, 400, { error: `not a dataset: ${asked.type}` });
        if (repos.has(name)) return sendJson(response, 409, { error: "You already created this dataset repo" });
        make(name, asked.visibility === "private");
        sendJson(response, 200, { url: `${origin}/datasets/${name}`, id: name });
      },
    ],
    [
      /^GET \/api\/datasets\/([^/]+\/[^/]+)(?:\/revision\/[^/]+)?$/,
      null,
      ({ name, repo, response }) =>
        sendJson(response, 200, {
          ...{ _id: "1", id: name, private: repo.isPrivate, downloads: 0, likes: 0, gated: false },
          lastModified: "2026-11-25T00:00:00.000Z",
        }),
    ],
    [
      /^GET \/api\/datasets\/([^/]+\/[^/]+)\/tree\/[^/]+$/,
      "tree",
      ({ name, repo, url, response }) => {
        const from = Number(url.searchParams.get("cursor") ?? 0);
        const all = [...repo.files].map(([path, bytes]) => entryOf(path, bytes, repo.large.has(path)));
        const next = `${origin}/api/datasets/${name}/tree/main?recursive=true&cursor=${from + 3}`;
        sendJson(
          response,
          200,
          all.slice(from, from + 3),
          from + 3 < all.length ? { link: `<${next}>; rel="next"` } : {},
        );
      },
    ],
    [
      /^POST \/api\/datasets\/([^/]+\/[^/]+)\/preupload\/[^/]+$/,
      "preupload",
      ({ body, response }) => {
        const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
        const uploadMode = ({ path, size }: { path: string; size: number }) =>
          path.endsWith(".parquet") || size > 4_096 ? "lfs" : "regular";
        sendJson(response, 200, {
          files: files.map((file) => ({ path: file.path, uploadMode: uploadMode(file), shouldIgnore: false })),
        });
      },
    ],
    [
      /^POST \/datasets\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/,
      "batch",
      ({ body, response }) => {
        const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
        sendJson(response, 200, {
          transfer: "basic",
          objects: objects.map((object) => ({
            ...object,
            ...(stored.has(object.oid) ? {} : { actions: { upload: { href: `${origin}/put/${object.oid}` } } }),
          })),
        });
      },
    ],
    [
      /^POST \/api\/datasets\/([^/]+\/[^/]+)\/commit\/([^/]+)$/,
      "commit",
      ({ body, name, repo, branch, response }) => {
        const lines = body
          .toString()
          .split("\n")
          .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
        const paths: string[] = [];
        for (const { key, value } of lines) {
          const { path = "", oid = "", content = "" } = value;
          if (key === "header") continue;
          const bytes = key === "lfsFile" ? stored.get(oid) : Buffer.from(content, "base64");
          if (bytes === undefined) return sendJson(response, 400, { error: `no object ${oid}` });
          repo.files.set(path, bytes);
          if (key === "lfsFile") repo.large.add(path);
          paths.push(path);
        }
        repo.commits.push({ summary: lines[0]?.value.summary ?? "", branch, paths });
        const commitOid = createHash("sha1").update(body).digest("hex");
        sendJson(response, 200, {
          commitOid,
          commitUrl: `${origin}/datasets/${name}/commit/${commitOid}`,
          hookOutput: "",
        });
      },
    ],
  ];

  const server = await serveOnLoopback(
    async (request, response) => {
      const url = new URL(request.url ?? "/", origin);
      const line = `${request.method} ${url.pathname}`;
      requests.push(line);
      const put = /^PUT \/put\/([0-9a-f]{64})$/.exec(line)?.[1];
      if (put !== undefined && left.some(({ at, status }) => at === "put" && status === "reset")) {
        request.once("data", () => broke("put", response)); // in the middle: bytes came, no answer goes
        return;
      }
      const body = await bodyOf(request);
      if (put !== undefined) {
        if (broke("put", response)) return;
        if (createHash("sha256").update(body).digest("hex") !== put)
          return sendJson(response, 400, { error: "other bytes than the oid" });
        puts.push(put);
        stored.set(put, body);
        response.writeHead(200).end();
        return;
      }
      if (request.headers.authorization !== `Bearer ${token}`)
        return sendJson(response, 401, { error: "Invalid username or password." });
      for (const [pattern, at, answer] of routes) {
        const matched = pattern.exec(line);
        if (matched === null) continue;
        const [, name = "", branch = ""] = matched;
        if (at !== null && broke(at, response)) return;
        const repo = repos.get(name);
        if (repo === undefined && at !== "create") return sendJson(response, 404, { error: "Repository not found" });
        return answer({ body, name, url, branch, response, repo: repo as HubRepo });
      }
      sendJson(response, 404, { error: `no route for ${line}` });
    },
    { closing: new AbortController() },
  );
  origin = new URL(server.baseUrl).origin;
  return { url: origin, requests, repos, puts, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

interface Call {
  readonly body: Buffer;
  readonly name: string;
  readonly repo: HubRepo;
  readonly url: URL;
  readonly branch: string;
  readonly response: ServerResponse;
}

/** What the tree says of a file: git's own hash, and for large ones that of the pointer beside the content's. */
function entryOf(path: string, bytes: Buffer, isLarge: boolean): Record<string, unknown> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${bytes.length}\n`;
  const blob = isLarge ? Buffer.from(pointer) : bytes;
  return {
    ...{ type: "file", path, size: bytes.length },
    oid: createHash("sha1").update(`blob ${blob.length}\0`).update(blob).digest("hex"),
    ...(isLarge ? { lfs: { oid: sha256, size: bytes.length, pointerSize: pointer.length } } : {}),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
