import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tracemill } from "../kit/cli.ts";
import { arrivedAt, callsOf, type HubServer, hubToken, startHubServer } from "../kit/hub-server.ts";
import { bytesOf, repoFolder } from "../kit/repo-folder.ts";

const repo = "acme/agents";

async function scene() {
  const hub = await startHubServer();
  const folder = await repoFolder();
  return {
    hub,
    folder,
    push: (args: readonly string[] = ["--yes"], env: Record<string, string> = { HF_TOKEN: hubToken }) =>
      tracemill(["push", "hf", folder.path, "--repo", repo, ...args], { env: { HF_ENDPOINT: hub.url, ...env } }),
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

const arrived = (hub: HubServer) => arrivedAt(hub, repo);

test("a folder arrives byte for byte in a private repository; the same again sends nothing, and a changed file alone", async () => {
  await using at = await scene();
  const { hub, folder, push } = at;
  const first = await push();
  expect(first.code, first.stderr).toBe(0);
  expect(arrived(hub)).toEqual(await bytesOf(folder.path));
  expect(hub.repos.get(repo)).toMatchObject({ isPrivate: true, commits: [{ summary: "Tracemill export of run r1" }] });
  expect(first.stdout).toMatch(/push +\d+ files, .* to http.*\/datasets\/acme\/agents \(private\), branch main/);
  expect(first.stdout).toMatch(/sent +chat\.parquet/);
  expect(first.stdout + first.stderr).not.toContain(hubToken);

  hub.calls.length = 0;
  const second = await push();
  expect(second.stdout).toMatch(/nothing to send: all \d+ files are there/);
  expect(callsOf(hub, "preupload", "batch", "put", "commit")).toEqual([]);

  await rm(folder.at("prompts/agent/a.md"));
  await folder.write({ prompt: "Answer in one word.\n" });
  hub.calls.length = 0;
  const third = await push(["--yes", "--message", "A better prompt"]);
  expect(third.code, third.stderr).toBe(0);
  expect(callsOf(hub, "put")).toEqual([]);
  expect(hub.repos.get(repo)?.commits[1]).toEqual({
    branch: "main",
    summary: "A better prompt",
    paths: ["README.md", "croissant.json", "prompts/agent/a.md"],
  });
  expect(arrived(hub)).toEqual(await bytesOf(folder.path));
});

test("nothing leaves the machine without a token, a yes, and a whole folder that keeps the Hub's rules", async () => {
  await using at = await scene();
  const { hub, folder, push } = at;
  const home = folder.at("../home");
  const ends = await Promise.all([
    push(["--yes"], { HF_HOME: home }),
    push(["--yes"], { HF_TOKEN: "sk-other" }),
    push([]),
    push(["--dry-run"], {}),
  ]);
  await folder.write({ stopped: true });
  ends.push(await push());
  await appendFile(folder.at("chat.jsonl"), "{}\n");
  ends.push(await push(["--yes", "--provisional"]));
  expect(ends.map(({ code, stderr }) => `${code} ${stderr.split("\n").slice(0, 2).join(" ")}`)).toEqual([
    expect.stringMatching(/^2 .*token of the Hub in HF_TOKEN/),
    expect.stringMatching(/^2 .*begin with `hf_`/),
    expect.stringMatching(/^2 .*Expected `--yes`/),
    "0 ",
    expect.stringMatching(/^2 .*got a provisional one \(run r1\).*--provisional/),
    expect.stringMatching(/^2 .*to be a dataset repository, got .* - (CR|HF)-R/),
  ]);
  expect(ends[3]?.stdout).toMatch(/chat\.parquet +[\d.]+ \w+\n[\s\S]*Nothing was sent \(--dry-run\)/);
  expect(ends.some(({ stderr }) => stderr.includes("sk-other"))).toBe(false);
  expect(hub.calls).toEqual([]);

  await folder.write({ stopped: true });
  await mkdir(home);
  await writeFile(join(home, "token"), `${hubToken}\n`);
  const provisional = await push(["--yes", "--provisional"], { HF_HOME: home });
  await rm(home, { recursive: true });
  expect(provisional.code, provisional.stderr).toBe(0);
  expect(arrived(hub)).toEqual(await bytesOf(folder.path));
});
