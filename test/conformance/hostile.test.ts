// A fixed slice of the hostile suite (hostile/README.md): one quick case of every kind on every sandbox of this machine, with what must
// hold around it. The whole of it: `npm run test:hostile`. The built program runs, because bubblewrap as a user needs a process of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kinds } from "../../hostile/case.ts";
import { cases } from "../../hostile/cases/index.ts";
import type { RunReport } from "../../hostile/report.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const main = fileURLToPath(new URL("../../dist/hostile/main.js", import.meta.url));
const missing = existsSync(main) ? await sandboxMissing() : "dist/ is not built";

test.skipIf(missing !== null)(
  `hostile code of every kind is held by every sandbox of this machine${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "tracemill-slice-"));
    const file = join(folder, "report.json");
    // How fast is for `npm run test:hostile` on a machine of its own.
    const words = [main, "--slice", "--json", file, "--latency-floor", "60000", "--host-disk-mb", "8192"];
    const ran = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 170_000 });
    expect(existsSync(file), ran.stderr).toBe(true);
    const report = JSON.parse(readFileSync(file, "utf8")) as RunReport;
    rmSync(folder, { recursive: true });
    expect(ran.status, ran.stdout).toBe(0);
    expect(report.targets.length, ran.stdout).toBeGreaterThan(0);
    const expected = kinds.filter((kind) => cases.some((entry) => entry.kind === kind));
    for (const { target, groups } of report.targets) {
      expect(new Set(groups.map(({ kind }) => kind)), target).toEqual(new Set(expected));
      for (const { kind, honestSteps } of groups) expect(honestSteps, `${target}, ${kind}`).toBeGreaterThan(0);
    }
  },
  180_000,
);
