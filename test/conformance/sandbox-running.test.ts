// Whose sandboxes stand on a machine, and which of them are taken away: found by their marks alone.
import { execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, describe, expect, test } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { dockerLacks } from "../../src/sandboxes/docker.ts";
import { reapDocker } from "../../src/sandboxes/docker-running.ts";
import { imageName } from "../../src/sandboxes/image.ts";
import { listSandboxes, openSandboxBackend, reapSandboxes } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;

await describeEachBackend("sandboxes that stand", (entry) => {
  test("are listed with whose they are and what they use, and a live owner's are never taken away", async () => {
    const dir = await dataFolder({ "a.csv": "x" });
    {
      const began = Date.now();
      await using backend = await openSandboxBackend({ ...entry.settings, memoryMb: 256, preimport: [], signal });
      await using sandbox = await backend.open({ dataDir: dir, label: "listed", signal });
      const mine = (await listSandboxes()).filter((one) => one.ownerPid === process.pid && one.backend === entry.name);
      expect(mine).toHaveLength(1);
      const [one] = mine;
      expect(one?.ownerAlive).toBe(true);
      expect(one?.memoryBytes).toBeGreaterThan(1_000_000);
      expect(Date.parse(one?.createdAt ?? "")).toBeGreaterThan(began - 60_000);
      if (entry.name === "docker") expect(one?.label).toBe("listed");
      expect((await reapSandboxes()).filter((reaped) => reaped.ownerPid === process.pid)).toEqual([]);
      expect(await sandbox.run("1 + 1", { signal })).toMatchObject({ result: { head: "2" } });
    }
    expect((await listSandboxes()).filter((one) => one.ownerPid === process.pid && one.backend === entry.name)).toEqual(
      [],
    );
    await rm(dir, { recursive: true });
  });
});

const lack = await dockerLacks();
const required = (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "").split(",").includes("docker");
const described = lack === null || required ? describe : describe.skip;

described(`containers${lack === null || required ? "" : ` (skipped: ${lack.reason})`}`, () => {
  const docker = new Docker();
  const made: string[] = [];

  afterAll(async () => {
    for (const id of made)
      await docker
        .getContainer(id)
        .remove({ force: true })
        .catch(() => {}); // the test took it away
  });

  /** A container that another process left, as its labels say. */
  async function leave(labels: Record<string, string>, { isRunning = false } = {}): Promise<string> {
    const container = await docker.createContainer({
      Image: imageName(),
      Cmd: ["sleep", "600"],
      Labels: { "tracemill.owner": "2147483-1", "tracemill.label": "left", ...labels },
      HostConfig: { NetworkMode: "none" },
    });
    made.push(container.id);
    // One that is over may be taken away before it runs: whoever else opens this engine now, another test say, does so.
    if (isRunning)
      await container.start().catch((error: { statusCode?: number }) => expect([404, 409]).toContain(error.statusCode));
    return container.id;
  }

  test("of another machine, and those that one of this name may still use, are left alone", async () => {
    const past = { "tracemill.deadline": new Date(Date.now() - 1000).toISOString() };
    const future = { "tracemill.deadline": new Date(Date.now() + 1e6).toISOString() };
    const old = { "tracemill.created": new Date(Date.now() - 600_000).toISOString() };
    const [elsewhere, overElsewhere, sameName, starting, oldBoot, over] = await Promise.all([
      leave({ "tracemill.host": "another/boot" }),
      leave({ "tracemill.host": "another/boot", ...past }),
      leave({ "tracemill.host": `${hostname()}/another-boot`, ...future }, { isRunning: true }),
      leave({ "tracemill.host": `${hostname()}/another-boot`, ...future }),
      leave({ "tracemill.host": `${hostname()}/another-boot`, ...future, ...old }),
      leave({ "tracemill.host": `${hostname()}/another-boot`, ...past }, { isRunning: true }),
    ]);
    const removed = (await reapDocker()).map(({ id }) => id).filter((id) => made.includes(id));
    // Whoever else opens this engine now, another test say, removes them as well.
    expect([oldBoot, over]).toEqual(expect.arrayContaining(removed));
    const listed = async () => (await listSandboxes()).filter(({ id }) => made.includes(id));
    await expect
      .poll(async () => (await listed()).map(({ id }) => id).toSorted(), { timeout: 10_000 })
      .toEqual([elsewhere, overElsewhere, sameName, starting].toSorted());
    const left = await listed();
    expect(left.every(({ ownerAlive }) => ownerAlive)).toBe(true);
  });

  test.skipIf(process.getuid?.() !== 0 || process.platform !== "linux")(
    "do not show what is mounted below the data's folder (skipped unless root runs this on Linux)",
    async () => {
      const dir = await dataFolder({ "a.csv": "x" });
      const below = join(dir, "below");
      await mkdir(below);
      execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "mode=777", "tmpfs", below]);
      try {
        await writeFile(join(below, "mounted.csv"), "y");
        await using backend = await openSandboxBackend({ backend: "docker", memoryMb: 256, preimport: [], signal });
        await using sandbox = await backend.open({ dataDir: dir, label: "mounts", signal });
        const { result } = await sandbox.run("import os; os.listdir('/data/below')", { signal });
        expect(result?.head).toBe("[]");
        expect((await sandbox.run("open('/data/below/mine', 'w')", { signal })).end).toBe("error");
      } finally {
        execFileSync("/bin/umount", [below]);
        await rm(dir, { recursive: true });
      }
    },
  );

  test("of a runtime that the engine does not have are refused before anything is started, with those that it has", async () => {
    const opening = openSandboxBackend({ backend: "docker", runtime: "kata-99", signal });
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(/Expected `sandbox.runtime` to name a runtime .*\(.*runc.*\), got `kata-99`/);
    await expect(openSandboxBackend({ backend: "bubblewrap", runtime: "runsc", signal })).rejects.toThrow(
      /`sandbox.runtime`.*got `runsc`.*bubblewrap/,
    );
  });
});
