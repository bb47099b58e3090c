import { expect, test } from "vitest";
import { FailureError, UsageError } from "../../src/domain/errors.ts";
import { type HubPush, pushToHub } from "../../src/publish/hub.ts";
import { arrivedAt, callsOf, type HubFault, type HubServer, hubToken, startHubServer } from "../kit/hub-server.ts";
import { bytesOf, repoFolder } from "../kit/repo-folder.ts";

const repo = "acme/agents";
const arrived = (hub: HubServer, branch = "main") => arrivedAt(hub, repo, branch);

async function scene({ faults = [], partBytes }: { faults?: HubFault[]; partBytes?: number } = {}) {
  const hub = await startHubServer(partBytes === undefined ? {} : { partBytes });
  hub.faults.push(...faults);
  const folder = await repoFolder();
  const told: string[] = [];
  return {
    ...{ hub, folder, told },
    async push(changes: Partial<HubPush> = {}) {
      const files = Object.keys(await bytesOf(folder.path));
      return pushToHub({
        ...{ folder: folder.path, files, repo, token: hubToken, hubUrl: hub.url, isPrivate: true, branch: "main" },
        ...{ message: "m", tell: (line: string) => told.push(line), firstWaitMs: 1 },
        signal: new AbortController().signal,
        ...changes,
      });
    },
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

test("broken connections and a busy Hub are tried again, and what is there is not sent twice", async () => {
  await using at = await scene({
    partBytes: 1_000,
    faults: [
      { on: "create", times: 1, status: 503 },
      { on: "put", times: 1, reset: true },
      { on: "complete", times: 1, status: 500 },
      // The commit is made, and its answer lost.
      { on: "commit", times: 1, reset: true, after: true },
    ],
  });
  const { hub, folder, told } = at;
  const { sent, same } = await at.push();
  expect(arrived(hub)).toEqual(await bytesOf(folder.path));
  expect([sent, same]).toEqual([Object.keys(arrived(hub)).length, 0]);
  expect(hub.repos.get(repo)?.commits).toHaveLength(1);
  expect(told.join("\n")).toMatch(/again .*503.*try 2 of 4/);
});

test("a Hub that stays away is told with the way out; the same later sends the rest only", async () => {
  await using at = await scene({ faults: [{ on: "commit", times: 100, status: 502 }] });
  const { hub, folder, push } = at;
  const broken = await push().catch((error: unknown) => error);
  expect(broken).toBeInstanceOf(FailureError);
  expect(String(broken)).toMatch(/could not be brought to upload to acme\/agents.*Run the same command again/s);
  expect(arrived(hub)).toEqual({});
  expect(callsOf(hub, "put").length).toBeGreaterThan(0);

  hub.faults.length = 0;
  hub.calls.length = 0;
  await push();
  expect(callsOf(hub, "put")).toEqual([]);
  expect(arrived(hub)).toEqual(await bytesOf(folder.path));
});

test("a connection that breaks in the middle of every large file ends in words, not in a crash", async () => {
  await using at = await scene({ partBytes: 500, faults: [{ on: "put", times: 1_000, reset: true }] });
  await expect(at.push()).rejects.toThrow(/could not be brought to upload to .*: fetch failed: /);
  expect(arrived(at.hub)).toEqual({});
});

test.each([
  ["a token of somebody else", [], { token: "hf_someoneElses" }, /answered 401 .*set HF_TOKEN/s],
  [
    "no right to write",
    [{ on: "create", times: 1, status: 403, error: "You need write access" }],
    {},
    /answered 403 .*may not write to `acme\/agents`.*You need write access/s,
  ],
  [
    "no room",
    [{ on: "batch", times: 1, status: 402, error: "Private storage limit reached" }],
    {},
    /answered 402 .*room.*Private storage limit reached/s,
  ],
  ["a commit in between", [{ on: "commit", times: 1, status: 412 }], {}, /answered 412 .*somebody else changed/s],
  [
    "a repository that went away",
    [{ on: "preupload", times: 1, status: 404, error: "Repository not found" }],
    {},
    /answered 404 .*no `acme\/agents` with the branch `main`/s,
  ],
  ["a file too large", [{ on: "put", times: 1, status: 413 }], {}, /answered 413 .*tracemill export --shard-mb/s],
] as [string, HubFault[], Partial<HubPush>, RegExp][])(
  "%s is told in words, at once, and nothing is committed",
  async (_, faults, changes, words) => {
    await using at = await scene({ faults });
    const { hub } = at;
    const error = await at.push(changes).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(words);
    expect(hub.repos.get(repo)?.commits ?? []).toEqual([]);
    expect(at.told.join("\n")).not.toContain("again");
  },
);

test("a public repository is not written to by a push that is to be private; who may not make one can write to one that is there", async () => {
  await using at = await scene({ faults: [{ on: "create", times: 2, status: 403, error: "no right to create" }] });
  const { hub, folder, told } = at;
  hub.repos.set(repo, { isPrivate: false, branches: new Map([["main", new Map()]]), commits: [] });
  await expect(at.push()).rejects.toThrow(/to be private, got a public.*--public/s);
  expect(arrived(hub)).toEqual({});
  await at.push({ isPrivate: false, branch: "try/1" });
  expect(told).toContain("made      the branch try/1");
  expect([arrived(hub), arrived(hub, "try/1")]).toEqual([{}, await bytesOf(folder.path)]);
});

test("an interrupted push ends as interrupted, and commits nothing", async () => {
  const abort = new AbortController();
  await using at = await scene();
  const tell = (line: string) => {
    if (line.startsWith("sent")) abort.abort(new Error("interrupted"));
  };
  await expect(at.push({ tell, signal: abort.signal })).rejects.toThrow("interrupted");
  expect(arrived(at.hub)).toEqual({});
});
