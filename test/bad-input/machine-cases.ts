import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskMissing, mountDisk } from "../kit/disk.ts";
import { type Case, nobody } from "./case.ts";
import { noOtherUser } from "./other-user.ts";

const noDisk = diskMissing();

/** Disks, rights and sandboxes that are not as they have to be. */
export const machineCases: readonly Case[] = [
  {
    did: "a full disk",
    arrange: ({ folder, atEnd }) => {
      const disk = mountDisk(join(folder, "output"), 1);
      atEnd(() => disk[Symbol.dispose]());
      disk.fill(100_000);
      return {};
    },
    code: 3,
    what: /Expected room for a run .*, got 98/,
    where: /\/home\/you\/work\/output\/store/,
    wayOut: /free some space|make room.*run the same command again/i,
    lacks: noDisk,
  },
  {
    did: "an output folder on a read-only disk",
    arrange: ({ folder, atEnd }) => {
      const disk = mountDisk(join(folder, "output"), 1, "ro");
      atEnd(() => disk[Symbol.dispose]());
      return {};
    },
    code: 2,
    what: /read-only/,
    where: /\/home\/you\/work\/output/,
    wayOut: /--output/,
    lacks: noDisk,
  },
  {
    did: "an output folder that is somebody else's",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "closed"), { mode: 0o755 });
      return { args: ["run", "my.yaml", "--output", "closed"], as: nobody };
    },
    code: 2,
    what: /permission denied/,
    where: /\/home\/you\/work\/closed/,
    wayOut: /--output/,
    lacks: noOtherUser,
  },
  {
    did: "a config that may not be read",
    arrange: async ({ write }) => {
      await chmod(await write("closed.yaml", "recipe: sft\n"), 0o600);
      return { args: ["run", "closed.yaml"], as: nobody };
    },
    code: 2,
    what: /permission denied/,
    where: /`closed\.yaml`/,
    wayOut: /chmod/,
    lacks: noOtherUser,
  },
  {
    did: "runs that may not be read",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "closed/runs"), { recursive: true });
      await chmod(join(folder, "closed/runs"), 0o700);
      return { args: ["audit", "--output", "closed"], as: nobody };
    },
    code: 2,
    what: /permission denied/,
    where: /closed\/runs/,
    wayOut: /--output|chmod/,
    lacks: noOtherUser,
  },
  {
    did: "no sandbox: Docker asked for, and no engine running",
    arrange: () => ({
      config: { sandbox: { backend: "docker" } },
      env: { DOCKER_HOST: "unix:///nowhere/docker.sock" },
    }),
    code: 2,
    what: /usable sandbox.*none/,
    where: /sandbox\.backend: docker/,
    wayOut: /start Docker/,
  },
  {
    did: "no sandbox at all: no Docker, and control groups that are read-only, as in most containers",
    arrange: () => ({
      env: { DOCKER_HOST: "unix:///nowhere/docker.sock" },
      through: [
        ...["/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c"],
        'mount -o remount,bind,ro /sys/fs/cgroup/memory && exec "$@"',
        "sh",
      ],
    }),
    code: 2,
    what: /usable sandbox.*none/,
    where: /sandbox\.backend: auto/,
    wayOut: /tracemill setup.*start Docker/,
    lacks: noDisk ?? (existsSync("/sys/fs/cgroup/memory/cgroup.procs") ? null : "no cgroup v1 that could be read-only"),
  },
  {
    did: "a store that is damaged",
    arrange: async ({ folder }) => {
      await mkdir(join(folder, "output/store/values"), { recursive: true });
      await writeFile(join(folder, "output/store/values/data.mdb"), "this is no store".repeat(1000));
      return {};
    },
    code: 2,
    what: /damaged/,
    where: /\/home\/you\/work\/output\/store\/values/,
    wayOut: /--output/,
  },
];
