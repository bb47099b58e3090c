import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskMissing, mountDisk } from "../kit/disk.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = diskMissing() ?? (await sandboxMissing());
const timeout = 300_000;

describe.skipIf(missing !== null)(`a full disk${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let files: SmallRun;
  let disk: ReturnType<typeof mountDisk>;
  let runsDisk: ReturnType<typeof mountDisk>;
  beforeAll(async () => {
    files = await smallRun({ config: tinyConfig });
    disk = mountDisk(files.output, 32);
    runsDisk = mountDisk(join(files.output, "runs"), 32);
  });
  afterAll(async () => {
    runsDisk[Symbol.dispose]();
    disk[Symbol.dispose]();
    await files[Symbol.asyncDispose]();
  });

  test.each<[string, () => typeof disk, number, "before" | "once it runs", RegExp]>([
    [
      "the store's disk has no room",
      () => disk,
      100_000,
      "before",
      /Expected room for a run in \S+store: 16\.\d MB .*got 9\d\.\d kB/,
    ],
    [
      "the runs' disk has no room",
      () => runsDisk,
      0,
      "before",
      /Expected room for a run in \S+runs: 16\.0 MB, got 0 bytes/,
    ],
    ["the run's events cannot be written", () => runsDisk, 0, "once it runs", /write the run's events to/],
    ["the store cannot commit", () => disk, 0, "once it runs", /write to the store in/],
  ])(
    "where %s ends the run with one sentence that names the place",
    async (_what, full, left, when, told) => {
      let filled = when === "before";
      if (filled) full().fill(left);
      const end = await files.run({
        watch: (stderr) => {
          if (filled || !/^run {7}/m.test(stderr)) return;
          filled = true;
          full().fill(left);
        },
      });
      full().makeRoom();
      expect([end.code, end.signal], end.stderr).toEqual([3, null]);
      // LMDB itself may say "Write error: …" on the same line, before our own words.
      const said = end.stderr.match(/tracemill: .*/g) ?? [];
      expect(said, end.stderr).toHaveLength(1);
      expect(said[0]).toMatch(told);
      expect(said[0]).toContain(files.output);
      expect(said[0]).toContain("run the same command again");
      expect(end.stderr).not.toMatch(/^\s+at |bug|Unhandled|MDB_/m);
    },
    timeout,
  );

  test(
    "with room, the same command goes on to its end",
    async () => {
      const next = await files.run();
      expect(next.code, next.stderr).toBe(0);
      expect((await files.summary()).status).toBe("done");
    },
    timeout,
  );

  test(
    "a disk without inodes is told before anything is spent",
    async () => {
      await using files = await smallRun({ config: tinyConfig });
      using _disk = mountDisk(files.output, 32, "nr_inodes=20");
      const end = await files.run();
      expect(end.code, end.stderr).toBe(3);
      expect(end.stderr).toMatch(
        /^tracemill: Expected room for 64 new files in .*no inodes.*run the same command again\.\n$/,
      );
    },
    timeout,
  );
});
