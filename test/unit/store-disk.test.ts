import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fullDisk, StoreError } from "../../src/domain/errors.ts";
import { openEventLog } from "../../src/engine/events.ts";
import { openStore } from "../../src/engine/store.ts";

/** A disk of 4 MB, or why this machine cannot have one. */
function smallDisk(): { readonly folder: string } | { readonly missing: string } {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return { missing: "only root on Linux can mount a disk" };
  const folder = mkdtempSync(join(tmpdir(), "tracemill-disk-"));
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { stdio: "pipe" });
    return { folder };
  } catch (error) {
    rmSync(folder, { recursive: true });
    return { missing: `this machine may not mount a disk: ${String(error)}` };
  }
}

function fill(folder: string, leaveBytes: number): string {
  const { bavail, bsize } = statfsSync(folder);
  const path = join(folder, "filler");
  writeFileSync(path, Buffer.alloc(bavail * bsize - leaveBytes));
  return path;
}

const noise = (bytes: number, seed: number): string => {
  let text = "";
  for (let n = seed; text.length < bytes; n++) text += Math.sin(n).toString(36).slice(3);
  return text;
};

describe("on a full disk", () => {
  let disk: ReturnType<typeof smallDisk>;
  beforeEach(() => {
    disk = smallDisk();
  });
  afterEach(() => {
    if ("missing" in disk) return;
    execFileSync("/bin/umount", ["-l", disk.folder]);
    rmSync(disk.folder, { recursive: true });
  });

  test("a put that cannot be committed is one sentence that names the folder and the cause", async (context) => {
    if ("missing" in disk) return context.skip(disk.missing);
    const folder = join(disk.folder, "store");
    await using store = await openStore(folder);
    await store.put("before", 1);
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, (_, n) => store.put(`key/${n}`, noise(40_000, n * 10_000))),
    );
    const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toBe(
        `Cannot write to the store in ${folder}: the disk is full (free some space, then run the same command again).`,
      );
    }
    expect(store.get("before")).toBe(1);
    for (const [n, { status }] of results.entries()) {
      expect(store.get(`key/${n}`) !== undefined).toBe(status === "fulfilled");
    }
  });

  test("a store takes what comes once there is room again", async (context) => {
    if ("missing" in disk) return context.skip(disk.missing);
    await using store = await openStore(join(disk.folder, "store"));
    const filler = fill(disk.folder, 100_000);
    await expect(store.put("b", noise(10_000, 1))).rejects.toThrow("the disk is full");
    await expect(store.lease("c", new AbortController().signal)).rejects.toThrow("the disk is full");
    rmSync(filler);
    await store.put("b", 2);
    expect(store.get("b")).toBe(2);
  });

  // As where another program takes the room between the look and the commit.
  test("a store whose commit failed takes nothing more until it is opened anew, and still reads", async (context) => {
    if ("missing" in disk) return context.skip(disk.missing);
    await using store = await openStore(join(disk.folder, "store"), { freeBytes: () => Number.POSITIVE_INFINITY });
    await store.put("a", 1);
    const filler = fill(disk.folder, 0);
    await expect(store.put("b", noise(100_000, 1))).rejects.toThrow("the disk is full");
    rmSync(filler);
    await expect(store.put("b", 2)).rejects.toThrow("the disk is full");
    await expect(store.lease("c", new AbortController().signal)).rejects.toThrow("the disk is full");
    expect([store.get("a"), store.get("b")]).toEqual([1, undefined]);
  });

  test("a store that cannot even be opened says so", async (context) => {
    if ("missing" in disk) return context.skip(disk.missing);
    const folder = join(disk.folder, "store");
    fill(disk.folder, 8_192);
    await expect(openStore(folder)).rejects.toThrow(
      `Cannot open the store in ${folder}: the disk is full (free some space, then run the same command again).`,
    );
  });

  test("events that cannot be written stop the writer with one sentence", async (context) => {
    if ("missing" in disk) return context.skip(disk.missing);
    const path = join(disk.folder, "events.jsonl");
    const log = await openEventLog(path);
    fill(disk.folder, 0);
    const note = () => log.write({ type: "note", at: "", message: "x".repeat(100_000) });
    expect(note).toThrow(StoreError);
    expect(note).toThrow(`Cannot write the run's events to ${path}: the disk is full`);
    await expect(log[Symbol.asyncDispose]()).rejects.toThrow("the disk is full");
  });
});

test("a folder that cannot hold a store is named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tracemill-store-"));
  try {
    writeFileSync(join(folder, "file"), "");
    await expect(openStore(join(folder, "file", "store"))).rejects.toThrow(
      `Cannot open the store in ${join(folder, "file", "store")}: `,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a used-up quota is told apart from a full disk, and other errors are neither", () => {
  expect(fullDisk("EDQUOT")).toMatch(/^your quota on the disk is used up .*run the same command again/);
  expect(fullDisk("ENOSPC")).toMatch(/^the disk is full .*run the same command again/);
  expect([fullDisk("EACCES"), fullDisk(undefined), fullDisk(28)]).toEqual([null, null, null]);
});
