// A small Hugging Face Hub on loopback: repositories of datasets as the Hub's own library asks for them, large files by the LFS protocol.
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "./faults.ts";
import { serveOnLoopback } from "./loopback-server.ts";

/** Which request: made repositories, what is known of one, its files, a branch, what goes how, where large files go, the large files, the commit. */
export type HubCall = "create" | "info" | "tree" | "branch" | "preupload" | "batch" | "put" | "complete" | "commit";

/** What goes wrong: an answer with a status (`after`: though it was done), or a connection that breaks, in a PUT after some bytes of the body. */
export interface HubFault {
  readonly on: HubCall;
  readonly times: number;
  readonly status?: number;
  readonly error?: string;
  readonly reset?: true;
  readonly after?: true;
}

export interface HubRepo {
  readonly isPrivate: boolean;
  /** Branch -> path -> bytes. */
  readonly branches: Map<string, Map<string, HubFile>>;
  readonly commits: { readonly branch: string; readonly summary: string; readonly paths: string[] }[];
}

interface HubFile {
  readonly bytes: Buffer;
  readonly large: boolean;
}

export interface HubServer extends AsyncDisposable {
  readonly url: string;
  readonly repos: Map<string, HubRepo>;
  /** Every request, in order: the call, and the path or hash it was for. */
  readonly calls: { readonly call: HubCall; readonly of: string }[];
  readonly faults: HubFault[];
}

export const hubToken = "hf_goodTokenOfTheTest0000000";

/** `large`: from how many bytes a file goes by LFS (Parquet and Arrow always do); `partBytes`: from how many it goes in parts of that size. */
export async function startHubServer({ large = 10_000_000, partBytes = 50_000_000 } = {}): Promise<HubServer> {
  const repos = new Map<string, HubRepo>();
  const stored = new Map<string, Buffer>();
  const parts = new Map<string, Buffer[]>();
  const calls: HubServer["calls"] = [];
  const faults: HubFault[] = [];
  const isLarge = (path: string, size: number) => size >= large || /\.(parquet|arrow)$/.test(path);

  function branchOf(name: string, branch: string): Map<string, HubFile> {
    const files = repos.get(name)?.branches.get(branch);
    if (files === undefined)
      throw new Refusal(404, repos.has(name) ? `Invalid rev id: ${branch}` : "Repository not found");
    return files;
  }

  function answer(call: HubCall, { words, body, url, request }: Asked): unknown {
    const [name = "", last = ""] = words;
    switch (call) {
      case "create": {
        const asked = JSON.parse(body.toString()) as {
          name: string;
          organization: string;
          visibility: string;
          type: string;
        };
        const repo = `${asked.organization}/${asked.name}`;
        if (asked.type !== "dataset") throw new Refusal(400, `a ${asked.type}`);
        if (repos.has(repo)) throw new Refusal(409, "You already created this dataset repo");
        const isPrivate = asked.visibility === "private";
        repos.set(repo, { isPrivate, branches: new Map([["main", new Map()]]), commits: [] });
        return { url: `${url}/datasets/${repo}`, id: repo };
      }
      case "info": {
        const repo = repos.get(name);
        if (repo === undefined) throw new Refusal(404, "Repository not found");
        return { _id: "1", id: name, private: repo.isPrivate, downloads: 0, likes: 0, gated: false };
      }
      case "branch": {
        branchOf(name, "main");
        repos.get(name)?.branches.set(last, new Map(branchOf(name, "main")));
        return {};
      }
      case "preupload": {
        branchOf(name, last);
        const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
        return {
          files: files.map(({ path, size }) => ({ path, uploadMode: isLarge(path, size) ? "lfs" : "regular" })),
        };
      }
      case "batch": {
        const asked = JSON.parse(body.toString()) as { transfers: string[]; objects: { oid: string; size: number }[] };
        if (asked.transfers.includes("xet")) throw new Refusal(400, "xet is not spoken here");
        return { transfer: "basic", objects: asked.objects.map((object) => placeOf(object, url)) };
      }
      case "put": {
        const part = new URL(request.url ?? "", url).searchParams.get("part");
        if (part !== null) {
          const list = parts.get(name) ?? [];
          list[Number(part) - 1] = body;
          parts.set(name, list);
        } else store(name, body);
        return {};
      }
      case "complete": {
        const { parts: told } = JSON.parse(body.toString()) as { parts: { etag: string }[] };
        const list = parts.get(name) ?? [];
        if (told.some(({ etag }, index) => etag !== etagOf(list[index]))) throw new Refusal(400, "another ETag");
        store(name, Buffer.concat(list));
        return {};
      }
      case "commit":
        return commit(name, { branch: last, lines: body.toString().split("\n"), url });
      case "tree":
        return null;
    }
  }

  function placeOf({ oid, size }: { oid: string; size: number }, url: string): object {
    if (stored.has(oid)) return { oid, size };
    if (size < partBytes) return { oid, size, actions: { upload: { href: `${url}/storage/${oid}` } } };
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) =>
      String(index + 1).padStart(5, "0"),
    );
    const header = Object.fromEntries(numbers.map((part) => [part, `${url}/storage/${oid}?part=${Number(part)}`]));
    const upload = { href: `${url}/complete/${oid}`, header: { ...header, chunk_size: String(partBytes) } };
    return { oid, size, actions: { upload } };
  }

  function store(oid: string, bytes: Buffer): void {
    if (createHash("sha256").update(bytes).digest("hex") !== oid) throw new Refusal(400, "another hash");
    stored.set(oid, bytes);
  }

  function commit(name: string, { branch, lines, url }: { branch: string; lines: string[]; url: string }): object {
    const files = branchOf(name, branch);
    const [header, ...operations] = lines.map(
      (line) => JSON.parse(line) as { key: string; value: Record<string, string> },
    );
    for (const { key, value } of operations) {
      const large = key === "lfsFile";
      const bytes = large ? stored.get(value.oid ?? "") : Buffer.from(value.content ?? "", "base64");
      if (bytes === undefined) throw new Refusal(400, `no object for ${value.path}`);
      files.set(value.path ?? "", { bytes, large });
    }
    const paths = operations.map(({ value }) => value.path ?? "");
    repos.get(name)?.commits.push({ branch, summary: header?.value.summary ?? "", paths });
    return { commitOid: "c0ffee", commitUrl: `${url}/datasets/${name}/commit/c0ffee`, hookOutput: "" };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = `http://${request.headers.host}`;
    const asked = callOf(request, url);
    if (asked === null) throw new Error(`the Hub of the tests knows no ${request.method} ${request.url}`);
    const { call, words } = asked;
    calls.push({ call, of: words.join(" ") });
    const fault = faults.find(({ on, times }) => on === call && times > 0);
    if (fault !== undefined) faults[faults.indexOf(fault)] = { ...fault, times: fault.times - 1 };
    if (fault?.reset === true && fault.after !== true) {
      // In the middle of what is sent.
      request.once("data", () => request.socket.destroy());
      request.once("end", () => request.socket.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    try {
      if (call !== "put" && call !== "complete" && request.headers.authorization !== `Bearer ${hubToken}`)
        throw new Refusal(401, "Invalid credentials in Authorization header");
      if (fault?.status !== undefined && fault.after !== true)
        throw new Refusal(fault.status, fault.error ?? "a planned fault");
      if (call === "tree") return sendTree(response, { files: branchOf(words[0] ?? "", words[1] ?? ""), request, url });
      const json = answer(call, { words, body, url, request });
      if (fault?.reset === true) return void request.socket.destroy();
      sendJson(response, 200, json, call === "put" ? { etag: etagOf(body) } : {});
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sendJson(response, error.status, { error: error.message });
    }
  }

  const closing = new AbortController();
  const server = await serveOnLoopback(handle, { closing });
  return {
    url: server.baseUrl.replace("/v1", ""),
    ...{ repos, calls, faults },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What lies in a repository: path -> bytes in base64. */
export function arrivedAt({ repos }: HubServer, repo: string, branch = "main"): Record<string, string> {
  const files = repos.get(repo)?.branches.get(branch) ?? new Map<string, HubFile>();
  return Object.fromEntries([...files].map(([path, { bytes }]) => [path, bytes.toString("base64")]));
}

export function callsOf({ calls }: HubServer, ...wanted: readonly HubCall[]): HubServer["calls"] {
  return calls.filter(({ call }) => wanted.includes(call));
}

interface Asked {
  readonly words: readonly string[];
  readonly body: Buffer;
  readonly url: string;
  readonly request: IncomingMessage;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const routes: readonly (readonly [call: HubCall, method: string, path: RegExp])[] = [
  ["create", "POST", /^\/api\/repos\/create$/],
  ["info", "GET", /^\/api\/datasets\/([^/]+\/[^/]+)\/revision\/HEAD$/],
  ["tree", "GET", /^\/api\/datasets\/([^/]+\/[^/]+)\/tree\/([^/]+)$/],
  ["branch", "POST", /^\/api\/datasets\/([^/]+\/[^/]+)\/branch\/([^/]+)$/],
  ["preupload", "POST", /^\/api\/datasets\/([^/]+\/[^/]+)\/preupload\/([^/]+)$/],
  ["batch", "POST", /^\/datasets\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/],
  ["put", "PUT", /^\/storage\/(\w+)$/],
  ["complete", "POST", /^\/complete\/(\w+)$/],
  ["commit", "POST", /^\/api\/datasets\/([^/]+\/[^/]+)\/commit\/([^/]+)$/],
];

function callOf(request: IncomingMessage, url: string): { readonly call: HubCall; readonly words: string[] } | null {
  const { pathname } = new URL(request.url ?? "/", url);
  for (const [call, method, path] of routes) {
    const words = path.exec(pathname)?.slice(1) ?? [];
    if (method === request.method && path.test(pathname))
      return { call, words: words.map((word) => decodeURIComponent(word)) };
  }
  return null;
}

/** Three files a page, as the Hub pages its own lists. */
function sendTree(
  response: ServerResponse,
  {
    files,
    request,
    url,
  }: { readonly files: ReadonlyMap<string, HubFile>; readonly request: IncomingMessage; readonly url: string },
): void {
  const asked = new URL(request.url ?? "/", url);
  const at = Number(asked.searchParams.get("cursor") ?? 0);
  const all = [...files].map(([path, { bytes, large }]) => ({
    type: "file",
    path,
    size: bytes.length,
    oid: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
    // The pointer's own hash stands in `oid` of a large file.
    ...(large
      ? { oid: "0".repeat(40), lfs: { oid: createHash("sha256").update(bytes).digest("hex"), size: bytes.length } }
      : {}),
  }));
  asked.searchParams.set("cursor", String(at + 3));
  const more = at + 3 < all.length ? { link: `<${asked.href}>; rel="next"` } : {};
  sendJson(response, 200, all.slice(at, at + 3), more);
}

function etagOf(bytes: Buffer = Buffer.alloc(0)): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
