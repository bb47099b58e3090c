import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pushToHub } from "../../src/publish/hub.ts";
import { exportedFolder } from "../kit/card-subject.ts";
import { type CliEnd, tracemill } from "../kit/cli.ts";
import { type HubFault, type HubServer, hubServer } from "../kit/hub-server.ts";
import { scratchFolder } from "../unit/export-fixtures.ts";

const token = "hf_PlantedSecretOfTheTest";
const repo = "org/tables-sft";
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
const ends: CliEnd[] = [];
beforeAll(async () => {
  scratch = await scratchFolder();
  await exportedFolder(scratch.at("exports"));
  await exportedFolder(scratch.at("owing"), { owed: 2 });
  await writeFile(scratch.at("exports/.DS_Store"), "not for the Hub");
});
afterAll(async () => {
  for (const { stdout, stderr } of ends) expect(stdout + stderr).not.toContain("PlantedSecret");
  await scratch[Symbol.asyncDispose]();
});

async function push(
  hub: HubServer | { url: string },
  words: readonly string[] = ["--yes"],
  { folder = "exports", env = { HF_TOKEN: token } as Record<string, string> } = {},
): Promise<CliEnd> {
  const home = { HF_HOME: scratch.at("no-home") };
  const at = env.HF_ENDPOINT === undefined && !words.includes("--hub-url") ? { HF_ENDPOINT: hub.url } : {};
  const end = await tracemill(["push", "hf", folder, "--repo", repo, ...words], {
    cwd: scratch.path,
    env: { ...home, ...at, ...env },
  });
  ends.push(end);
  return end;
}

test("a folder arrives byte for byte in a private repository, large files apart; the same folder again sends nothing, a changed one what changed", async () => {
  await using hub = await hubServer({ token });
  const first = await push(hub);
  expect(first.code, first.stderr + first.stdout).toBe(0);
  const there = hub.repos.get(repo);
  expect(there?.isPrivate).toBe(true);
  expect(new Map([...(there?.files ?? [])].sort())).toEqual(await bytesOf("exports"));
  expect(there?.files.has("manifest.json")).toBe(true);
  expect([...(there?.large ?? [])]).toContain("parquet/train-00000-of-00002.parquet");
  expect(there?.commits).toMatchObject([{ summary: "Tracemill export of run r1", branch: "main" }]);
  expect(first.stdout).toMatch(/made .*private/);
  expect(first.stdout).toMatch(/done .*\d+ files sent, 0 there already: http.*\/commit\//);

  const second = await push(hub, ["--yes", "--hub-url", `${hub.url}/`]);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout).toMatch(/found .*private[\s\S]*nothing to send: all \d+ files are there/);
  expect(there?.commits).toHaveLength(1);

  hub.repos.get(repo)?.files.set("README.md", Buffer.from("somebody's"));
  const third = await push(hub, ["--yes", "--message", "again"]);
  expect(third.stdout).toMatch(/1 file sent, \d+ there already/);
  expect(there?.commits[1]).toMatchObject({ summary: "again", paths: ["README.md"] });
});

test("a connection cut in the middle of a file is tried again, and everything arrives", async () => {
  await using hub = await hubServer({ token, faults: [{ at: "put", status: "reset" }] });
  const { code, stdout, stderr } = await push(hub);
  expect(code, stderr + stdout).toBe(0);
  expect(hub.repos.get(repo)?.files).toEqual(await bytesOf("exports", hub));
  expect(new Set(hub.puts).size).toBe(hub.puts.length);
});

test("a Hub that breaks once at every step is asked again; one that stays broken is a failure of the provider, and the next push goes on from what is there", async () => {
  const broken = Array<HubFault>(4).fill({ at: "commit", status: 500 });
  const once = (["create", "tree", "preupload", "batch", "put"] as const).map((at) => ({ at, status: 500 }));
  await using hub = await hubServer({ token, faults: [...once.slice(0, 2), ...broken] });
  await using shaky = await hubServer({ token, faults: once.slice(2) });
  const files = [...(await bytesOf("exports")).keys()];
  const asked = (hubUrl: string) => ({
    ...{ folder: scratch.at("exports"), files, repo, token, hubUrl, isPrivate: true, branch: "main", message: "m" },
    ...{ tell: () => {}, signal: new AbortController().signal, pauseMs: 1 },
  });
  expect(await pushToHub(asked(shaky.url))).toMatchObject({ sent: files.length, same: 0 });
  await expect(pushToHub(asked(hub.url))).rejects.toThrow(
    /could not be brought to upload: planned 500.*Run the same command again/,
  );
  const puts = hub.puts.length;
  expect(puts).toBeGreaterThan(0);
  expect(await pushToHub(asked(hub.url))).toMatchObject({ sent: files.length });
  expect(hub.puts).toHaveLength(puts);
  expect(hub.repos.get(repo)?.files).toEqual(await bytesOf("exports", hub));
});

test("what only a person can mend ends with 2, in words: another's token, no right, no such branch", async () => {
  await using one = await hubServer({ token: "hf_other" });
  await using two = await hubServer({ token, faults: [{ at: "create", status: 403 }] });
  await using three = await hubServer({ token, faults: [{ at: "preupload", status: 404 }] });
  const [wrong, forbidden, missing] = await Promise.all([push(one), push(two), push(three)]);
  expect([wrong.code, forbidden.code, missing.code]).toEqual([2, 2, 2]);
  expect(wrong.stderr).toMatch(/401 .*token is not one of the Hub's/);
  expect(forbidden.stderr).toMatch(/403 .*may not write to `org\/tables-sft`/);
  expect(missing.stderr).toMatch(/404 .*no such branch/);
});

test("a public repository of that name is left alone, unless --public says that it may be", async () => {
  await using hub = await hubServer({ token, existing: { [repo]: "public" } });
  const refused = await push(hub);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/Expected `org\/tables-sft` to be private, got a public repository/);
  expect(hub.repos.get(repo)?.files.size).toBe(0);
  const agreed = await push(hub, ["--yes", "--public"]);
  expect(agreed.code, agreed.stderr).toBe(0);
  expect(agreed.stdout).toContain("(PUBLIC)");
  expect(hub.repos.get(repo)?.files).toEqual(await bytesOf("exports", hub));
});

test("nothing is asked of the Hub by --dry-run, for a provisional export, without a token, or where nobody can agree", async () => {
  await using hub = await hubServer({ token });
  const [dry, provisional, none, odd, silent, named] = await Promise.all([
    push(hub, ["--dry-run"], { env: {} }),
    push(hub, ["--yes"], { folder: "owing" }),
    push(hub, ["--yes"], { env: {} }),
    push(hub, ["--yes"], { env: { HF_TOKEN: "PlantedSecretWithoutItsBeginning" } }),
    push(hub, []),
    push(hub, ["--yes", "--repo", "nobody"]),
  ]);
  expect([dry, provisional, none, odd, silent, named].map(({ code }) => code)).toEqual([0, 2, 2, 2, 2, 2]);
  expect(dry.stdout).toMatch(/push +\d+ files, .* to http.*\(private\), branch main/);
  expect(dry.stdout).toContain("openai/train-00000-of-00002.jsonl");
  expect(dry.stdout).not.toContain(".DS_Store");
  expect(dry.stdout).toContain("Nothing was sent (--dry-run).");
  expect(provisional.stderr).toMatch(/Expected a finished export, got a provisional one \(run r1\).*--provisional/);
  expect(none.stderr).toMatch(/Expected a token of the Hub in HF_TOKEN/);
  expect(odd.stderr).toMatch(/begin with `hf_`/);
  expect(silent.stderr).toMatch(/Expected `--yes`, or a terminal to ask on\. Nothing was sent/);
  expect(hub.requests).toEqual([]);
});

test("a folder that breaks a rule is not sent, and the rule is named", async () => {
  await using hub = await hubServer({ token });
  await exportedFolder(scratch.at("spoilt"));
  await writeFile(scratch.at("spoilt/openai/train-00000-of-00002.jsonl"), "{}\n");
  const { code, stderr } = await push(hub, ["--yes"], { folder: "spoilt" });
  expect(code).toBe(2);
  expect(stderr).toMatch(/CR-R1 croissant\.json: Expected `openai\/train-00000.*sha256/);
  expect(hub.requests).toEqual([]);
});

/** What is to arrive: every file but hidden ones; in the order in which it came to `hub`. */
async function bytesOf(folder: string, hub?: HubServer): Promise<Map<string, Buffer>> {
  const entries = await readdir(scratch.at(folder), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => relative(scratch.at(folder), join(entry.parentPath, entry.name)));
  const names = hub === undefined ? files.sort() : [...(hub.repos.get(repo)?.files.keys() ?? [])];
  expect([...names].sort()).toEqual(files.sort());
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(scratch.at(join(folder, name)))] as const)),
  );
}
