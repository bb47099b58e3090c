import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreError } from "../../src/domain/errors.ts";
import { sha256 } from "../../src/domain/hash.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { openStore } from "../../src/engine/store.ts";
import { storePlaces } from "../../src/upkeep/store-folder.ts";
import { planPrune, prune } from "../../src/upkeep/store-prune.ts";
import { exportStore, importStore } from "../../src/upkeep/store-share.ts";
import { storeStats } from "../../src/upkeep/store-stats.ts";
import { mendStore, verifyStore } from "../../src/upkeep/store-verify.ts";
import { diskMissing, mountDisk } from "../kit/disk.ts";
import { stepResult } from "./stages-fixture.ts";

const at = "2026-11-25T00:00:00.000Z";
const signal = new AbortController().signal;
const options = { keepRuns: null, olderThanDays: null, completions: false, now: new Date(at) };
// Longer than a piece of an exported file.
const large = Buffer.alloc(4_000_000, "0123456789abcdef");

describe("blobs beside a store", () => {
  let output: string;
  let blobDir: string;
  const names = () =>
    readdirSync(blobDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();

  beforeEach(() => {
    output = mkdtempSync(join(tmpdir(), "tracemill-blobs-"));
    blobDir = join(output, "store/blobs");
  });
  afterEach(() => rmSync(output, { recursive: true, force: true }));

  /** A store with a file that was taken out, a picture that a step showed, a reference that a body names, and what nobody names. */
  async function fill() {
    const blobs = openBlobs(blobDir);
    const hashes = {
      file: await blobs.put(large),
      picture: await blobs.put(Buffer.from("picture")),
      reference: await blobs.put(Buffer.from("id,price\n1,2\n")),
      nobody: await blobs.put(Buffer.from("nobody")),
    };
    const picture = { sha256: hashes.picture, bytes: 7, width: 1, height: 1 };
    const body = { id: "task_1", reference: { file: { sha256: hashes.reference, bytes: 13 } } };
    await using store = await openStore(join(output, "store/values"));
    const collected = { sha256: hashes.file, bytes: large.length, diverged: false };
    await store.put(`collect/${"a".repeat(64)}`, { version: 1, at, value: collected });
    // Of a version that nobody knows any more: its blob stays all the same.
    await store.put(`sandbox-step/${"b".repeat(64)}`, { version: 0, at, value: stepResult({ pictures: [picture] }) });
    await store.put(`future/${sha256(JSON.stringify(body))}`, body);
    return hashes;
  }

  test("are counted, and those that nobody names or that a killed process left half-written are unused", async () => {
    const { nobody } = await fill();
    writeFileSync(join(blobDir, nobody.slice(0, 2), `${nobody}.0.partial`), "half");
    const { blobs } = await storeStats(await storePlaces(output));
    expect(blobs.entries).toBe(5);
    expect(blobs.bytes).toBe(large.length + 7 + 13 + 6 + 4);
    // No run names any of these values, so none of the first two either.
    expect(blobs.unused).toBe(4);
  });

  test("stay while any value that stays names them; the rest is pruned, half-written files too", async () => {
    const { file, picture, reference, nobody } = await fill();
    writeFileSync(join(blobDir, nobody.slice(0, 2), `${nobody}.0.partial`), "half");
    const places = await storePlaces(output);
    const plan = await planPrune(places, options);
    expect(plan.parts).toEqual({ "blobs/": { entries: 2, bytes: 10 } });
    expect(names()).toHaveLength(5);
    await using store = await openStore(places.values);
    await prune(places, plan, (key) => store.delete(key));
    expect(names()).toEqual([file, picture, reference].sort());
    await store.delete(`collect/${"a".repeat(64)}`);
    await prune(places, await planPrune(places, options), (key) => store.delete(key));
    expect(names()).toEqual([picture, reference].sort());
  });

  test("that are damaged or gone are found, with the values that need them, and --fix removes both", async () => {
    const { file, picture } = await fill();
    const places = await storePlaces(output);
    expect(await verifyStore(places)).toMatchObject({ blobs: 4, problems: [] });
    writeFileSync(join(blobDir, file.slice(0, 2), file), "other bytes");
    rmSync(join(blobDir, picture.slice(0, 2), picture));
    await expect(openBlobs(blobDir).get(file)).rejects.toThrow("store verify --fix");
    const { problems } = await verifyStore(places);
    expect(problems.map(({ kind, where }) => [kind, where.slice(0, 8)])).toEqual([
      ["blob", blobDir.slice(0, 8)],
      ["value", "collect/"],
      ["value", "sandbox-"],
    ]);
    await using store = await openStore(places.values);
    expect(await mendStore(problems, (key) => store.delete(key))).toBe(3);
    expect(await verifyStore(places)).toMatchObject({ blobs: 2, problems: [] });
  });

  test("travel with the values that need them, each once, and only whole", async () => {
    const { file, picture } = await fill();
    const places = await storePlaces(output);
    const path = join(output, "shared.jsonl.gz");
    expect(await exportStore(places, path, new Date(at))).toMatchObject({ entries: 2, blobs: 2 });
    const elsewhere = openBlobs(join(output, "else/blobs"));
    await using other = await openStore(join(output, "else/values"));
    // A piece that is lost makes the whole file unusable, and nothing of it is taken.
    const lines = gunzipSync(readFileSync(path)).toString().split("\n");
    const cut = join(output, "cut.jsonl.gz");
    writeFileSync(cut, gzipSync(lines.filter((line) => !/"at":3\d+/.test(line)).join("\n")));
    await expect(importStore(other, elsewhere, cut, signal)).rejects.toThrow(/a blob .*cut short.*nothing was taken/);
    expect(await elsewhere.get(picture)).toBeUndefined();
    expect(await importStore(other, elsewhere, path, signal)).toEqual({ added: 2, there: 0 });
    expect(sha256((await elsewhere.get(file)) ?? "")).toBe(file);
    expect(await elsewhere.get(picture)).toEqual(Buffer.from("picture"));
    // A value whose bytes are damaged here is not handed on.
    writeFileSync(join(blobDir, file.slice(0, 2), file), "other bytes");
    expect(await exportStore(places, path, new Date(at))).toMatchObject({ entries: 1, blobs: 1 });
  });

  test("an export without blobs reads as before", async () => {
    await using store = await openStore(join(output, "store/values"));
    await store.put(`sandbox-step/${"b".repeat(64)}`, { version: 0, at, value: {} });
    const path = join(output, "shared.jsonl.gz");
    await exportStore(await storePlaces(output), path, new Date(at));
    expect(gunzipSync(readFileSync(path)).toString()).toContain('"format":"tracemill-store","version":1,');
  });

  test("on a full disk are one sentence, and nothing half-written stays", async (context) => {
    const missing = diskMissing();
    if (missing !== null) return context.skip(missing);
    mkdirSync(dirname(blobDir), { recursive: true });
    using disk = mountDisk(blobDir, 8);
    const blobs = openBlobs(blobDir);
    const small = await blobs.put(Buffer.from("small"));
    disk.fill(1_000_000);
    await expect(blobs.put(large)).rejects.toThrow(StoreError);
    await expect(blobs.put(large)).rejects.toThrow(/^Cannot write .*: the disk is full \(free some space/);
    expect(names()).toEqual(["filler", small].sort());
    disk.makeRoom();
    expect(sha256((await blobs.get(await blobs.put(large))) ?? "")).toBe(sha256(large));
  });
});
