import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SandboxBackend } from "../../src/contracts.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { openSession } from "../../src/sandboxes/session.ts";
import { dataFolder, describeEachBackend, describeEverySandbox, rememberIn, wholeGvisorKit } from "../kit/sandboxes.ts";

const describeKit = wholeGvisorKit ? describeEverySandbox : describeEachBackend;
const signal = new AbortController().signal;

await describeKit("a session", (entry) => {
  let real: SandboxBackend;
  let backend: SandboxBackend;
  let dir: string;
  let opened = 0;

  beforeAll(async () => {
    dir = await dataFolder({ "a.csv": "x\n1\n" });
    real = await openSandboxBackend({
      ...entry.settings,
      memoryMb: 256,
      stepTimeoutSeconds: 5,
      preimport: [],
      signal,
    });
    backend = {
      ...real,
      open: (request) => {
        opened++;
        return real.open(request);
      },
    };
  });

  afterAll(async () => {
    await real?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  function sessionOver(store: Map<string, unknown>, attempt = "attempt") {
    return openSession({
      backend,
      remember: rememberIn(store),
      dataset: { id: "d", dir },
      attempt,
      label: "test",
      signal,
    });
  }

  /** Runs the codes in one session and closes it: what each step gave, and how many sandboxes that took. */
  async function play(store: Map<string, unknown>, codes: string[], attempt?: string) {
    const before = opened;
    await using session = sessionOver(store, attempt);
    const steps = [];
    for (const code of codes) steps.push(await session.run(code, { signal }));
    return { steps, opened: opened - before, results: steps.map((step) => step.result.result?.head) };
  }

  test("replays what is remembered without opening a sandbox", async () => {
    const store = new Map();
    const codes = ["import random\nx = random.random()", "x", "1 / 0"];
    const first = await play(store, codes);
    const again = await play(store, codes);
    expect(first.opened).toBe(1);
    expect(again.opened).toBe(0);
    expect(again.steps.map((step) => step.result)).toEqual(first.steps.map((step) => step.result));
    expect(again.steps.every((step) => step.remembered && !step.diverged)).toBe(true);
  });

  test("rebuilds the state of remembered steps before it runs a new one", async () => {
    const store = new Map();
    await play(store, ["x = 20", "y = x + 1"]);
    const { steps, results, opened: count } = await play(store, ["x = 20", "y = x + 1", "y * 2", "y * 3"]);
    expect(results.slice(2)).toEqual(["42", "63"]);
    expect(steps.map((step) => step.remembered)).toEqual([true, true, false, false]);
    expect(steps.some((step) => step.diverged)).toBe(false);
    expect(count).toBe(1);
  });

  test("says so when the rebuilt output differs from what was stored, and says it again on replay", async () => {
    const store = new Map();
    await play(store, ["import os, time\nx = time.time_ns()\nprint(x)"]);
    const codes = ["import os, time\nx = time.time_ns()\nprint(x)", "x > 0"];
    expect((await play(store, codes)).steps.map((step) => step.diverged)).toEqual([false, true]);
    expect((await play(store, codes)).steps.map((step) => step.diverged)).toEqual([false, true]);
  });

  test("says where a step really ran and what it waited for, also when it is replayed", async () => {
    const store = new Map();
    const first = await play(store, ["x = 20", "x"]);
    const replayed = await play(store, ["x = 20", "x"]);
    const { kernel, runtime, image } = real.environment;
    expect(first.steps[0]?.ran).toMatchObject({ backend: entry.name, kernel, runtime, image, rebuildMs: 0 });
    expect(kernel).toMatch(/^\d+\./);
    expect(first.steps[0]?.ran.openMs).toBeGreaterThan(0);
    expect(first.steps[1]?.ran).toMatchObject({ queueMs: 0, openMs: 0, rebuildMs: 0 });
    expect(replayed.steps.map((step) => step.ran)).toEqual(first.steps.map((step) => step.ran));
    const again = await play(store, ["x = 20", "x", "x + 1"]);
    expect(again.steps[2]?.ran.rebuildMs).toBeGreaterThan(0);
    expect(again.steps[2]?.ran.openMs).toBeGreaterThan(0);
  });

  test("does not run again what was lost with the interpreter", async () => {
    const store = new Map();
    await play(store, ["open('/scratch/ran', 'a').write('x')", "import os; os._exit(1)", "z = 5"]);
    const { results, steps } = await play(store, [
      "open('/scratch/ran', 'a').write('x')",
      "import os; os._exit(1)",
      "z = 5",
      "import os\n(z, os.path.exists('/scratch/ran'))",
    ]);
    expect(results[3]).toBe("(5, False)");
    expect(steps[3]?.diverged).toBe(false);
  });

  test("keeps attempts and orders of code apart", async () => {
    const store = new Map();
    await play(store, ["x = 1", "x"]);
    expect((await play(store, ["x = 1", "x"], "another")).opened).toBe(1);
    expect((await play(store, ["x = 2", "x"])).results[1]).toBe("2");
  });

  test("stores no failure, and goes on after it in a new sandbox", async () => {
    const store = new Map();
    await using session = sessionOver(store);
    await session.run("x = 7", { signal });
    const abort = new AbortController();
    const running = session.run("sum(range(10**11))", { signal: abort.signal });
    setTimeout(() => abort.abort(new Error("stop")), 200);
    await expect(running).rejects.toThrow("stop");
    expect(store.size).toBe(1);
    expect(await session.run("x", { signal })).toMatchObject({ result: { result: { head: "7" } }, diverged: false });
  });

  test("bounds what pandas shows, imported before or by the code, and leaves alone what the code sets", async () => {
    const { steps } = await play(new Map(), [
      "import pandas as pd\npd.set_option('display.max_colwidth', 33)",
      "pd.DataFrame({f'column_{i}': range(1000) for i in range(60)})",
      "pd.get_option('display.max_colwidth'), pd.get_option('display.max_columns')",
    ]);
    const shown = steps[1]?.result.result?.head ?? "";
    expect(shown).toContain("[1000 rows x 60 columns]");
    expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(steps[2]?.result.result?.head).toBe("(33, 30)");
  });
});
