// What somebody without rights finds in a folder. Root may read everything, so the look is taken by a process of another user.
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { packageRoot } from "../../src/package.ts";

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "tracemill-unreadable-"));
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

it("files and folders without the right to read are told, found in a folder or by a glob", async () => {
  await mkdir(join(base, "data/closed"), { recursive: true });
  for (const name of ["a.csv", "locked.csv", "closed/b.csv"]) await writeFile(join(base, "data", name), "x\n1\n");
  await chmod(join(base, "data/locked.csv"), 0o000);
  await chmod(join(base, "data/closed"), 0o000);
  await chmod(base, 0o755);
  // Root may read everything: the look is taken by somebody else.
  const look = `
    import { surveyFiles } from ${JSON.stringify(pathToFileURL(join(packageRoot(), "dist/src/datasets/find.js")).href)};
    const told = {};
    for (const path of ["data", "data/*.csv", "data/**/*.csv"]) {
      const { found, unusable } = await surveyFiles(path, { base: ${JSON.stringify(base)}, option: "x", passOver: [] });
      told[path] = [found.map(({ name }) => name), unusable.map(({ path, why }) => path.replace(${JSON.stringify(`${base}/`)}, "") + " " + why.slice(0, 6))];
    }
    console.log(JSON.stringify(told));`;
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const end = spawnSync(process.execPath, ["--input-type=module", "-e", look], { ...nobody, encoding: "utf8" });
  await chmod(join(base, "data/closed"), 0o755);
  expect(end.stderr).toBe("");
  const both = ["data/closed a fold", "data/locked.csv a file"];
  expect(JSON.parse(end.stdout)).toEqual({
    data: [["a.csv"], both],
    "data/*.csv": [["a.csv"], ["data/locked.csv a file"]],
    "data/**/*.csv": [["a.csv"], both],
  });
});
