import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Collected, Sandbox, SandboxBackend } from "../../src/contracts.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { openSession } from "../../src/sandboxes/session.ts";
import { dataFolder, describeEachBackend, rememberIn } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const maxBytes = 3_000_000;
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

await describeEachBackend("a file taken out", (entry) => {
  let backend: SandboxBackend;
  let dataDir: string;
  let blobDir: string;

  beforeAll(async () => {
    dataDir = await dataFolder({ "cars.csv": "name,mpg\na,21\n" });
    blobDir = await mkdtemp(join(tmpdir(), "tracemill-blobs-"));
    backend = await openSandboxBackend({
      backend: entry.name,
      memoryMb: 256,
      scratchMb: 32,
      stepTimeoutSeconds: 10,
      preimport: [],
      signal,
    });
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
    await rm(blobDir, { recursive: true, force: true });
  });

  /** Runs code in a fresh sandbox that `use` is handed. */
  async function after<T>(code: string, use: (sandbox: Sandbox) => Promise<T>): Promise<T> {
    await using sandbox = await backend.open({ dataDir, label: "test", signal });
    const step = await sandbox.run(code, { signal });
    expect(step, JSON.stringify(step.exception)).toMatchObject({ end: "ok" });
    return await use(sandbox);
  }
  const take = (sandbox: Sandbox, path: string) => sandbox.collect(path, { maxBytes, signal });

  test("arrives byte for byte, in several pieces, empty or at the cap; one byte more is refused", async () => {
    const code = `import os
os.makedirs("/scratch/out/deep")
big = bytes(i % 251 for i in range(${maxBytes}))
open("/scratch/out/deep/big.csv", "wb").write(big)
open("/scratch/more.csv", "wb").write(big + b"x")
open("/scratch/empty.csv", "w").close()`;
    await after(code, async (sandbox) => {
      const big = Buffer.from(Uint8Array.from({ length: maxBytes }, (_, index) => index % 251));
      const found = (await take(sandbox, "/scratch/out/deep/big.csv")) as Extract<Collected, { bytes: Uint8Array }>;
      expect([found.bytes.byteLength, found.sha256]).toEqual([maxBytes, sha256(big)]);
      expect(Buffer.compare(found.bytes, big)).toBe(0);
      expect(await take(sandbox, "/scratch/more.csv")).toMatchObject({ refused: "too_large" });
      expect(await take(sandbox, "/scratch/empty.csv")).toMatchObject({ sha256: sha256("") });
      await expect(sandbox.run("1", { signal })).rejects.toThrow("collected from");
    });
  });

  test("is a regular file of one name below /scratch, and anything else is a refusal", async () => {
    const code = `import os, socket
os.chdir("/scratch")
os.mkfifo("fifo.csv")
socket.socket(socket.AF_UNIX).bind("socket.csv")
os.mkdir("folder.csv")
os.makedirs("real"); open("real/a.csv", "w").write("a"); os.symlink("real", "parent")
os.symlink("/data/cars.csv", "link.csv"); os.symlink("/nowhere", "dangling.csv"); os.symlink("loop.csv", "loop.csv")
os.symlink("/dev/zero", "device.csv")
open("hard.csv", "w").write("a"); os.link("hard.csv", "other")
open("closed.csv", "w").write("a"); os.chmod("closed.csv", 0)
os.makedirs("shut"); open("shut/a.csv", "w").close(); os.chmod("shut", 0)
with open("sparse.csv", "w") as f: f.truncate(1 << 29)
open("file", "w").close()`;
    const refused = {
      "fifo.csv": "not_a_regular_file",
      "socket.csv": "not_a_regular_file",
      "folder.csv": "not_a_regular_file",
      "parent/a.csv": "linked",
      "link.csv": "linked",
      "dangling.csv": "linked",
      "loop.csv": "linked",
      "device.csv": "linked",
      "hard.csv": "linked",
      "closed.csv": "unreadable",
      "shut/a.csv": "unreadable",
      "sparse.csv": "too_large",
      "nothing.csv": "missing",
      "no/thing.csv": "missing",
      "file/a.csv": "missing",
    };
    await after(code, async (sandbox) => {
      const found: Record<string, unknown> = {};
      for (const name of Object.keys(refused)) {
        const collected = await take(sandbox, `/scratch/${name}`);
        found[name] = "refused" in collected ? collected.refused : collected;
      }
      expect(found).toEqual(refused);
      expect(await take(sandbox, "/scratch/real/a.csv")).toMatchObject({ sha256: sha256("a") });
    });
  });

  test("is not asked for where its path is none below /scratch", async () => {
    await after("x = 1", async (sandbox) => {
      for (const path of [
        "../../etc/passwd",
        "/etc/passwd",
        "/data/cars.csv",
        "/scratch",
        "/scratch/",
        "/scratch/../etc/passwd",
        "/scratch/a/../b",
        "/scratch//a",
        "/scratch/./a",
        "/scratch/a\0.csv",
        "~/a.csv",
        "/scratch/~root/a",
        "scratch/a.csv",
        `/scratch/${"a/".repeat(5000)}a`,
        `/scratch/${"a".repeat(10_000)}`,
        "/scratch/\uff0e\uff0e/a",
        "/scr\u0430tch/a.csv",
        "/scratch\u2215a.csv",
        "/scratch/a\u202evsc.csv",
        "/scratch/a\n.csv",
      ]) {
        expect(await take(sandbox, path), JSON.stringify(path).slice(0, 80)).toMatchObject({ refused: "outside" });
      }
      // Nothing was asked of it: it still runs code.
      expect(await sandbox.run("x", { signal })).toMatchObject({ result: { head: "1" } });
    });
  });

  test("does not change while it is read: whatever rewrites, swaps or forks is dead before", async () => {
    const code = `import os, subprocess, sys, threading, atexit, time
rewriter = '''
import os, time
n = 0
while True:
    n += 1
    kind = n % 5
    try: os.unlink("/scratch/s.csv")
    except OSError: pass
    try:
        if kind == 0: os.symlink("/data/cars.csv", "/scratch/s.csv")
        elif kind == 1: os.mkfifo("/scratch/s.csv")
        else:
            with open("/scratch/s.csv", "w") as f:
                while kind == 2 or f.tell() < 1 << 20: f.write(str(n) * 100); f.flush()
    except OSError: pass
'''
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execv(sys.executable, [sys.executable, "-c", rewriter])
    os._exit(0)
if os.fork() == 0:
    os.setsid()
    while True:
        with open("/scratch/beat.part", "w") as f: f.write(str(time.monotonic_ns()))
        os.rename("/scratch/beat.part", "/scratch/beat.csv")
        time.sleep(0.002)
def forever():
    while True:
        if os.fork() == 0:
            os.setsid(); time.sleep(0.01); os._exit(0)
        time.sleep(0.005)
threading.Thread(target=forever, daemon=True).start()
atexit.register(lambda: open("/scratch/late.csv", "w").write("late"))
time.sleep(0.2)`;
    await after(code, async (sandbox) => {
      const first = await take(sandbox, "/scratch/s.csv");
      const second = await take(sandbox, "/scratch/s.csv");
      expect(second).toEqual(first);
      const beat = await take(sandbox, "/scratch/beat.csv");
      await sleep(50);
      expect(await take(sandbox, "/scratch/beat.csv")).toEqual(beat);
      if ("refused" in first) expect(["linked", "not_a_regular_file", "missing", "too_large"]).toContain(first.refused);
      else expect(first.sha256).toBe(sha256(first.bytes));
      expect(await take(sandbox, "/scratch/late.csv")).toMatchObject({ refused: "missing" });
    });
  });

  test("is remembered under the code so far, path and cap: a replay opens no sandbox, and its bytes lie in the blobs", async () => {
    const store = new Map<string, unknown>();
    const blobs = openBlobs(blobDir);
    let opened = 0;
    const counting: SandboxBackend = {
      ...backend,
      open: (request) => {
        opened++;
        return backend.open(request);
      },
    };
    const play = async (codes: string[], path: string, cap = maxBytes) => {
      const remember = rememberIn(store);
      const options = { backend: counting, remember, blobs, dataset: { id: "d", dir: dataDir }, label: "t", signal };
      await using session = openSession({ ...options, attempt: "a" });
      for (const code of codes) await session.run(code, { signal });
      return await session.collect(path, { maxBytes: cap, signal });
    };
    const write = "import os\nopen('/scratch/s.csv', 'w').write('id\\n1\\n')";
    const lose = "import os\nos._exit(1)";
    const kept = { path: "/scratch/s.csv", bytes: 5, sha256: sha256("id\n1\n"), diverged: false };
    expect(await play([write, lose], "/scratch/s.csv")).toEqual(kept);
    expect(opened).toBe(1);
    expect(await play([write, lose], "/scratch/s.csv")).toEqual(kept);
    expect(opened).toBe(1);
    expect(Buffer.from((await blobs.get(kept.sha256)) ?? []).toString()).toBe("id\n1\n");
    expect(await readdir(blobDir)).toEqual([kept.sha256.slice(0, 2)]);
    // Another cap is another question; what was written before the interpreter was lost is written again for it.
    expect(await play([write, lose], "/scratch/s.csv", 4)).toMatchObject({ refused: "too_large" });
    expect(opened).toBe(2);
    expect(await play([], "/scratch/s.csv")).toMatchObject({ refused: "missing", detail: "no code was run" });
    expect(await play([write], "/etc/passwd")).toMatchObject({ refused: "outside" });
  });
});
