// `tracemill sandbox`: the built command, by pipe and on a terminal, on every backend.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package.ts";
import { listSandboxes, type RunningSandbox } from "../../src/sandboxes/index.ts";
import { tracemill } from "../kit/cli.ts";
import { dataFolder, describeEachBackend } from "../kit/sandboxes.ts";
import { onTerminal, terminalMissing } from "../kit/terminal-run.ts";

const cli = join(packageRoot(), "dist/src/cli.js");
let dir: string;
let temp: string;
let pipeTemp: string;

beforeAll(async () => {
  dir = await dataFolder({ "cars.csv": "name,mpg\na,21\nb,30\n" });
  temp = await mkdtemp(join(tmpdir(), "tracemill-shells-"));
  pipeTemp = await mkdtemp(join(tmpdir(), "tracemill-shells-"));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await rm(temp, { recursive: true, force: true });
  await rm(pipeTemp, { recursive: true, force: true });
});

/** Starts `tracemill sandbox shell` with a pipe for its stdin. */
function piped(args: readonly string[]) {
  const env = { ...process.env, NO_COLOR: "1", TMPDIR: pipeTemp };
  return spawn(process.execPath, [cli, "sandbox", "shell", ...args], { env, stdio: "pipe" });
}

async function ended(child: ReturnType<typeof piped>, input: string) {
  child.stdin.end(input);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** The sandboxes whose owner has our folder for its temporary files. */
async function ours(): Promise<RunningSandbox[]> {
  return (await listSandboxes()).filter(({ ownerPid }) => {
    try {
      return readFileSync(`/proc/${ownerPid}/environ`, "utf8").includes(`TMPDIR=${temp}`);
    } catch {
      return false; // it has ended
    }
  });
}

await describeEachBackend("sandbox shell", ({ name: backend }) => {
  test("from a pipe steps are shown as the agent sees them, and the exit code tells whether one hit a limit", async () => {
    const steps =
      "import pandas as pd\nint(pd.read_csv('/data/cars.csv').mpg.sum())\n# %%\nx = 1 / 0\n# %%\nprint('last')\n";
    const args = [join(dir, "cars.csv"), "--backend", backend];
    const [end, limited] = await Promise.all([
      ended(piped([dir, "--backend", backend]), steps),
      ended(piped([...args, "--json"]), "import os; os._exit(3)"),
    ]);
    expect(end.stdout).toMatch(/^51\n# %%\nTraceback /);
    expect(end.stdout).toMatch(/ZeroDivisionError: division by zero\n# %%\nlast\n$/);
    expect(end.stderr).toContain("Data files:\n- /data/cars.csv\n");
    expect(end.stderr).toMatch(/\[ok · .*state kept/);
    expect(end.code).toBe(0);
    expect(JSON.parse(limited.stdout)).toMatchObject({ end: "exited", stateLost: true });
    expect(limited.code).toBe(6);
  });

  test("what a killed process left is removed by reap, what a live one uses is not", { timeout: 150_000 }, async () => {
    const [dead, alive] = [piped([dir, "--backend", backend]), piped([dir, "--backend", backend])];
    try {
      // Sandboxes stay open while the step sleeps.
      for (const child of [dead, alive]) child.stdin.end("import time; time.sleep(600)");
      const of = async ({ pid }: typeof dead) => (await listSandboxes()).filter(({ ownerPid }) => ownerPid === pid);
      await until(async () => (await of(dead)).length === 1 && (await of(alive)).length === 1);
      const found: RunningSandbox[] = JSON.parse((await tracemill(["sandbox", "ps", "--json"])).stdout);
      const one = found.find(({ ownerPid }) => ownerPid === alive.pid);
      expect(one).toMatchObject({ backend, ownerAlive: true });
      expect(Date.now() - Date.parse(one?.createdAt ?? "")).toBeLessThan(60_000);
      expect((await tracemill(["sandbox", "ps"])).stdout).toMatch(/^backend +id +owner +age +memory +for\n/);
      dead.kill("SIGKILL");
      await new Promise((resolve) => dead.once("close", resolve));
      const dry = await tracemill(["sandbox", "reap", "--dry-run"]);
      expect(dry.stdout).toMatch(/Would remove|Nothing is left behind/); // a backend that another test opens reaps too
      const reaped = await tracemill(["sandbox", "reap", "--json"]);
      expect(reaped.code).toBe(0);
      expect(JSON.parse(reaped.stdout).sandboxes.map((left: RunningSandbox) => left.ownerPid)).not.toContain(alive.pid);
      expect(await of(dead)).toEqual([]);
      expect(await of(alive)).toHaveLength(1);
      alive.kill("SIGTERM");
      await new Promise((resolve) => alive.once("close", resolve));
      expect(await of(alive)).toEqual([]);
    } finally {
      dead.kill("SIGKILL");
      alive.kill("SIGTERM");
    }
  });

  describe.skipIf(terminalMissing !== null)(`on a terminal (skipped where there is none)`, () => {
    const start = () =>
      onTerminal(["sandbox", "shell", dir, "--backend", backend], { columns: 120, rows: 50, env: { TMPDIR: temp } });

    test("reads blocks, pastes and history, interrupts a step, and leaves with Ctrl-D", {
      timeout: 150_000,
    }, async () => {
      await using shell = await start();
      const shown = (pattern: RegExp) => until(async () => pattern.test(shell.raw()));
      await shown(/>>> /);
      expect(shell.raw()).toContain("- /data/cars.csv");
      shell.type("def f(v):\r    return v * 7\r\rf(6)\r");
      await shown(/\n42\r/);
      shell.type("\u001b[200~def g(v):\r    w = v + 1\r\r    return w * 100\r\u001b[201~\rg(4) + 1\r");
      await shown(/\n501\r/);
      shell.type("\u001b[A + 1\r");
      await shown(/\n502\r/);
      shell.type("import time; kept = 99; print('now'); time.sleep(600)\r");
      await until(async () => (await ours()).length >= 2);
      await new Promise((resolve) => setTimeout(resolve, 500));
      shell.type("\u0003");
      await shown(/KeyboardInterrupt[\s\S]*error · .*state kept/);
      shell.type("kept * 9\r");
      await shown(/\n891\r/);
      shell.type(":raw\r");
      await shown(/"head": "891"/);
      shell.type("\u0004");
      expect(await shell.ended).toBe(0);
      expect(await ours()).toEqual([]);
      expect(await readdir(temp)).toEqual([]);
    });

    test("leaves nothing when the terminal goes away", { timeout: 150_000 }, async () => {
      {
        await using shell = await start();
        await until(async () => />>> /.test(shell.raw()));
        shell.type("import time; time.sleep(600)\r");
        await until(async () => (await ours()).length >= 2);
      }
      await until(async () => (await ours()).length === 0 && (await readdir(temp)).length === 0);
    });
  });
});

test("sandbox shell opens a config's dataset with the config's limits", { timeout: 150_000 }, async () => {
  const config = join(packageRoot(), "configs/quickstart.yaml");
  const code = "import os; sorted(os.listdir('/data'))";
  const end = await ended(piped(["--config", config, "--dataset", "cars"]), code);
  expect(end.stdout).toBe("['cars.json']\n");
  expect(end.stderr).toMatch(/1024 MB, 1 CPU, /);
  expect(end.code).toBe(0);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error("Expected it to come true within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
