import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createRunFolder,
  findRun,
  type Manifest,
  readManifest,
  readSummary,
  runFolderAt,
  writeJson,
} from "../../src/archive/run-folder.ts";
import { UsageError } from "../../src/domain/errors.ts";

let output: string;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), "tracemill-runs-"));
});
afterEach(() => rm(output, { recursive: true, force: true }));

const configHash = "0123456789abcdef";
const at = (time: string) => new Date(`2026-11-23T${time}.123Z`);
const create = (time: string, hash = configHash) => createRunFolder({ output, configHash: hash, now: at(time) });

describe("createRunFolder", () => {
  test("names the run after UTC time and config hash and makes exports/", async () => {
    const folder = await create("10:15:00");
    expect(folder.run).toBe("20261123T101500Z-01234567");
    expect(await readdir(folder.path)).toEqual(["exports"]);
  });

  test("points latest at the newest run with a relative link", async () => {
    await create("10:15:00");
    const second = await create("10:16:00");
    expect(await readlink(join(output, "runs", "latest"))).toBe(second.run);
    expect((await readdir(join(output, "runs"))).sort()).toEqual(["20261123T101500Z-01234567", second.run, "latest"]);
  });

  test("gives two runs of one second folders of their own", async () => {
    const folders = [await create("10:15:00"), await create("10:15:00"), await create("10:15:00")];
    expect(folders.map((folder) => folder.run.slice(25))).toEqual(["", "-2", "-3"]);
  });

  test("puts the store beside the runs", async () => {
    expect((await create("10:15:00")).storePath).toBe(join(output, "store", "values"));
  });
});

describe("findRun", () => {
  test("finds a run by latest, id, unique prefix and path", async () => {
    const first = await create("10:15:00");
    const second = await create("11:15:00");
    await writeJson(first.manifestPath, {});
    expect((await findRun(output, "latest")).run).toBe(second.run);
    expect((await findRun(output, first.run)).path).toBe(first.path);
    expect((await findRun(output, "20261123T11")).run).toBe(second.run);
    expect((await findRun("/nowhere", first.path)).storePath).toBe(join(output, "store", "values"));
  });

  test("reads latest where it is a text file", async () => {
    const first = await create("10:15:00");
    await create("11:15:00");
    await rm(join(output, "runs", "latest"));
    await writeFile(join(output, "runs", "latest"), `${first.run}\n`);
    expect((await findRun(output, "latest")).run).toBe(first.run);
  });

  test("names the recent runs, newest first, for one that is not there", async () => {
    for (const minute of ["10", "11", "12", "13", "14", "15"]) await create(`10:${minute}:00`);
    const message = await findRun(output, "typo").then(String, String);
    expect(message).toContain("got `typo`");
    expect(message.match(/20261123T\d+Z/g)).toEqual(
      ["1015", "1014", "1013", "1012", "1011"].map((time) => `20261123T${time}00Z`),
    );
  });

  test("refuses a prefix that several runs share, naming them", async () => {
    await create("10:15:00");
    await create("10:15:30");
    await expect(findRun(output, "20261123T1015")).rejects.toThrow(
      /begins 2: write more of it\..*\n.*101530Z.*\n.*101500Z/,
    );
  });

  test("says what to do where no run was made yet", async () => {
    await expect(findRun(output, "latest")).rejects.toThrow(UsageError);
    await expect(findRun(output, "latest")).rejects.toThrow(/no runs in .*tracemill run/);
  });

  test("says so when latest points to a run that was removed", async () => {
    const first = await create("10:15:00");
    await rm((await create("11:15:00")).path, { recursive: true });
    await expect(findRun(output, "latest")).rejects.toThrow(`  ${first.run}`);
  });
});

const manifest: Manifest = {
  run: "20261123T101500Z-01234567",
  recipe: "sft",
  configPath: "configs/quickstart.yaml",
  config: { select: { target: 100 } },
  configHash,
  version: "0.1.0",
  node: "v20.20.2",
  seed: 7,
  prompts: { "agent/react.md": "aa" },
  models: { teacher: { endpoint: "http://127.0.0.1:1/v1", model: "offline" } },
  sandbox: {
    backend: "bubblewrap",
    environment: "ee",
    image: null,
    versions: { pandas: "1.5.3" },
    limits: { cpus: 1 },
  },
  datasets: [{ id: "dataset_1", name: "cars", files: [{ name: "cars.csv", format: "csv", bytes: 1, sha256: "cc" }] }],
  startedAt: "2026-11-23T10:15:00.123Z",
  argv: ["run", "configs/quickstart.yaml"],
};

describe("reading and writing", () => {
  test("a manifest reads back as it was written and leaves no other file", async () => {
    const folder = await create("10:15:00");
    await writeJson(folder.manifestPath, manifest);
    expect(await readManifest(folder)).toEqual(manifest);
    expect((await readdir(folder.path)).sort()).toEqual(["exports", "manifest.json"]);
    expect(await readFile(folder.manifestPath, "utf8")).toMatch(/\}\n$/);
  });

  test("a missing manifest or summary is null", async () => {
    const folder = runFolderAt(join(output, "runs", "gone"));
    expect(await readManifest(folder)).toBeNull();
    expect(await readSummary(folder)).toBeNull();
  });

  test("a broken summary is named with its field", async () => {
    const folder = await create("10:15:00");
    await writeJson(folder.summaryPath, { run: 1 });
    await expect(readSummary(folder)).rejects.toThrow(/summary\.json.*\n.*\n.*at run\n/);
    await writeFile(folder.summaryPath, "{");
    await expect(readSummary(folder)).rejects.toThrow(UsageError);
  });

  test("a run folder that cannot be made says why", async () => {
    await writeFile(join(output, "runs"), "a file");
    await expect(create("10:15:00")).rejects.toThrow(/folder in `.*runs`, got: E.* --output/);
    await expect(create("10:15:00")).rejects.toThrow(UsageError);
    await rm(join(output, "runs"));
    await mkdir(join(output, "runs"));
    expect((await create("10:15:00")).run).toBe(manifest.run);
  });
});
