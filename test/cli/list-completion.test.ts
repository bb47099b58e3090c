import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recipes } from "../../pipelines/index.ts";
import { kinds } from "../../src/commands/kinds.ts";
import { trajectoryMetrics, trajectoryScores } from "../../src/metrics/trajectory.ts";
import { tracemill } from "../kit/cli.ts";
import { candidate } from "../unit/stages-fixture.ts";

describe("tracemill list", () => {
  test("names what there is of each kind, and describes the entries of one", async () => {
    const [all, one, json, wrong] = await Promise.all([
      tracemill(["list"]),
      tracemill(["list", "metrics"]),
      tracemill(["list", "--json"]),
      tracemill(["list", "metric"]),
    ]);
    for (const kind of Object.keys(kinds)) expect(all.stdout).toMatch(new RegExp(`^${kind} +\\S`, "m"));
    expect(all.stdout).toContain("quickstart.yaml");
    expect(one.stdout).toMatch(/^named_values +`@name\[value\]` answers/m);
    const listed = JSON.parse(json.stdout) as Record<string, { entries: { name: string; about: string }[] }>;
    expect(Object.keys(listed)).toEqual(Object.keys(kinds));
    expect(listed.recipes?.entries.map(({ name }) => name)).toEqual(recipes.map(({ name }) => name));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("did you mean `metrics`?");
  });

  test.each([
    "recipes",
    "providers",
    "scaffolds",
    "backends",
    "metrics",
    "trajectory-metrics",
    "criteria",
    "export-formats",
    "prompts",
    "configs",
    "families",
  ])("says of every entry of %s what it is", async (kind) => {
    const entries = (await kinds[kind]?.entries()) ?? [];
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.filter(({ about }) => !/\w{2}.*\s/.test(about))).toEqual([]);
  });

  test("knows every score that is read off a trajectory", () => {
    const { trajectory } = candidate([{ code: "1" }, { answer: "1" }]);
    expect(trajectoryMetrics.map((measure) => measure(trajectory).metric)).toEqual(Object.keys(trajectoryScores));
  });
});

describe("completion", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-complete-"));
    for (const run of ["20260101T000000Z-aaaaaaaa", "20260102T000000Z-bbbbbbbb"]) {
      await mkdir(join(folder, "output/runs", run), { recursive: true });
    }
    await mkdir(join(folder, "elsewhere/runs/20260103T000000Z-cccccccc"), { recursive: true });
    for (const name of ["my.yaml", "other.yml", "data.csv", "q.jsonl"]) await writeFile(join(folder, name), "");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What a shell would be offered for the last of these words. */
  const offered = async (words: readonly string[], env: Record<string, string> = {}) => {
    const end = await tracemill(["--get-yargs-completions", "tracemill", ...words], { cwd: folder, env });
    expect(end.code, end.stderr).toBe(0);
    expect(end.stderr).toBe("");
    return end.stdout.trimEnd().split("\n");
  };

  test("offers commands, configs, runs, kinds and questions where each belongs", async () => {
    const asked: [readonly string[], readonly string[]][] = [
      [
        ["run", ""],
        ["elsewhere/", "my.yaml", "other.yml", "output/"],
      ],
      [["run", "m"], ["my.yaml"]],
      [
        ["audit", ""],
        ["latest", "20260102T000000Z-bbbbbbbb", "20260101T000000Z-aaaaaaaa"],
      ],
      [["why", "20260102"], ["20260102T000000Z-bbbbbbbb"]],
      [["list", "me"], ["metrics"]],
      [["check-tasks", "q"], ["q.jsonl"]],
      [
        ["sandbox", ""],
        ["ps", "reap", "shell"],
      ],
      [["sandbox", "shell", "d"], ["data.csv"]],
      [["sandbox", "shell", "--config", "my"], ["my.yaml"]],
      [["check-tasks", "q.jsonl", "--config", "my"], ["my.yaml"]],
    ];
    const found = await Promise.all(asked.map(([words]) => offered(words)));
    expect(found).toEqual(asked.map(([, values]) => values));
    expect(await offered([""])).toEqual(
      expect.arrayContaining(["run", "audit", "why", "check-tasks", "list", "completion"]),
    );
  });

  test("offers each option of the command under one name", async () => {
    const options = await offered(["run", "my.yaml", "--"]);
    expect(options).toEqual(expect.arrayContaining(["--set", "--dry-run", "--preview", "--limit", "--output"]));
    expect(options.filter((option) => /[A-Z]/.test(option))).toEqual([]);
    expect(await offered(["check-tasks", "--s"])).toContain("--schema");
  });

  test("has a script for bash, zsh and fish", async () => {
    const [bash, zsh, fish] = await Promise.all(
      ["/bin/bash", "/bin/zsh", "/usr/bin/fish"].map((shell) => tracemill(["completion"], { env: { SHELL: shell } })),
    );
    expect(bash?.stdout).toContain("complete -o bashdefault");
    expect(zsh?.stdout).toContain("#compdef tracemill");
    expect(fish?.stdout).toContain("complete -f -c tracemill");
  });
});
