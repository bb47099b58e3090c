import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskMissing, mountDisk } from "../kit/disk.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { smallRun } from "../kit/small-run.ts";
import { tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = diskMissing() ?? (await sandboxMissing());
const timeout = 300_000;

describe.skipIf(missing !== null)(`a full disk${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  test.each([
    ["the store cannot be opened", ".", 100_000, "before"],
    ["the store cannot commit", ".", 0, "once it runs"],
    ["the run's events or exports cannot be written", "runs", 12_000, "before"],
    ["the run's folder cannot be made", "runs", 0, "before"],
  ])(
    "where %s ends the run with one sentence, and with room the same command goes on",
    async (_what, at, left, when) => {
      await using files = await smallRun({ config: tinyConfig });
      using disk = mountDisk(join(files.output, at), 32);
      if (when === "before") disk.fill(left);
      let full = when === "before";
      const end = await files.run({
        watch: (stderr) => {
          if (full || !/^run {7}/m.test(stderr)) return;
          full = true;
          disk.fill(left);
        },
      });
      expect(end.code, end.stderr).toBe(3);
      const said = end.stderr.split("\n").filter((line) => line.startsWith("tracemill:"));
      expect(said).toHaveLength(1);
      console.log(said[0]);
      expect(said[0]).toContain(files.output);
      expect(end.stderr).not.toMatch(/^\s+at |bug|Unhandled|MDB_/m);
      disk.makeRoom();
      const next = await files.run();
      expect(next.code, next.stderr).toBe(0);
      expect((await files.summary()).status).toBe("done");
    },
    timeout,
  );

  test(
    "a read-only output folder is a mistake told before anything is spent",
    async () => {
      await using files = await smallRun({ config: tinyConfig });
      using _disk = mountDisk(files.output, 1, "ro");
      const end = await files.run();
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toMatch(/^tracemill: Expected a folder that can be written at .*--output/);
    },
    timeout,
  );
});
