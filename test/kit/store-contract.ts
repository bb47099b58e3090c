import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { runStoreChild } from "./store-processes.ts";

/** One way to keep a store in a folder; `module` and `name` say how a child process opens the same one. */
export interface StoreEntry {
  readonly name: string;
  readonly open: (folder: string) => Promise<Store>;
}

const never = new AbortController().signal;

/** What every Store promises. Run on each entry of a list. */
export function storeContract({ name, open }: StoreEntry): void {
  describe(`the ${name} store`, () => {
    let folder: string;
    let store: Store;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "tracemill-store-"));
      store = await open(folder);
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    test.each([
      ["a string", "ünïcode \u0000 and \ud800 alone"],
      ["a number", 0.1],
      ["null", null],
      ["an empty list", []],
      ["a nested object", { a: [{ b: null }, "", { "": false }] }],
      ["a long text", { text: "lorem ipsum ".repeat(20_000) }],
    ])("gives back %s as it was put", async (_, value) => {
      await store.put("kind/key", value);
      expect(store.get("kind/key")).toEqual(value);
    });

    test("has nothing under a key that was never put or was deleted", async () => {
      await store.put("a", 1);
      await store.delete("a");
      await store.delete("never");
      expect([store.get("a"), store.get("never")]).toEqual([undefined, undefined]);
    });

    test("keeps the value as it was when it was put, whatever happens to the object later", async () => {
      const value = { n: 1 };
      const put = store.put("a", value);
      value.n = 2;
      await put;
      expect(store.get("a")).toEqual({ n: 1 });
    });

    test("lists the keys of a prefix in order, across any number of pages", async () => {
      const keys = Array.from({ length: 2_500 }, (_, n) => `many/${String(n).padStart(5, "0")}`);
      await Promise.all([...keys, "man", "manz/1", "mano/1"].map((key) => store.put(key, 1)));
      expect([...store.keys("many/")]).toEqual(keys);
      expect([...store.keys("man")]).toHaveLength(keys.length + 3);
      expect([...store.keys("")]).toHaveLength(keys.length + 3);
      expect([...store.keys("nothing")]).toEqual([]);
    });

    test("refuses what is not JSON and a key that is too long, and says so", async () => {
      await expect(store.put("a", undefined)).rejects.toThrow(
        "Expected a JSON value to store under `a`, got undefined",
      );
      await expect(store.put("k".repeat(5_000), 1)).rejects.toThrow("Expected a key of 1 to 1900 bytes, got 5000");
    });

    test("grows far beyond the size it was opened with", async () => {
      const text = Array.from({ length: 20_000 }, (_, n) => Math.sin(n).toString(36)).join("");
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 20 }, (_, n) => store.put(`big/${round}/${n}`, { n, text })));
      }
      expect(store.get("big/4/19")).toEqual({ n: 19, text });
    });

    test("is the same store after it was closed and opened again", async () => {
      await store.put("a", { b: 1 });
      await store[Symbol.asyncDispose]();
      store = await open(folder);
      expect(store.get("a")).toEqual({ b: 1 });
    });

    test("leases a key to one holder at a time, in the order they asked", async () => {
      const order: string[] = [];
      await Promise.all(
        ["a", "b", "c"].map(async (who) => {
          const lease = await store.lease("key", never);
          order.push(`${who} in`);
          await new Promise(setImmediate);
          order.push(`${who} out`);
          await lease[Symbol.asyncDispose]();
        }),
      );
      expect(order).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
    });

    test("stops waiting for a lease when told to, and the next in line still gets it", async () => {
      const held = await store.lease("key", never);
      const impatient = new AbortController();
      const gaveUp = store.lease("key", impatient.signal);
      const next = store.lease("key", never);
      impatient.abort(new Error("no more"));
      await expect(gaveUp).rejects.toThrow("no more");
      await held[Symbol.asyncDispose]();
      await (await next)[Symbol.asyncDispose]();
    });

    test("gives a lease from one open store to another of the same process only when it is free", async () => {
      await using other = await open(folder);
      const held = await store.lease("key", never);
      const stop = new AbortController();
      const refused = other.lease("key", stop.signal);
      stop.abort(new Error("still held"));
      await expect(refused).rejects.toThrow("still held");
      await held[Symbol.asyncDispose]();
      await (await other.lease("key", never))[Symbol.asyncDispose]();
    });

    test("shows one process what another committed, and loses nothing that was acknowledged before a kill -9", async () => {
      const child = await runStoreChild(name, folder, "put-until-killed");
      const acknowledged = await child.killAfterLines(200);
      expect(acknowledged.length).toBeGreaterThanOrEqual(200);
      expect(acknowledged.filter((key) => store.get(key) === undefined)).toEqual([]);
      // The child made the store larger than this process has mapped.
      await store.put("after", "the kill");
      expect(store.get("after")).toBe("the kill");
    });

    test("takes a dead process's lease at once and never a live one's", async () => {
      const child = await runStoreChild(name, folder, "hold-lease");
      await child.line();
      const stop = new AbortController();
      const refused = store.lease("shared", stop.signal);
      setTimeout(() => stop.abort(new Error("held by a live process")), 300);
      await expect(refused).rejects.toThrow("held by a live process");
      await child.kill();
      await (await store.lease("shared", never))[Symbol.asyncDispose]();
    });

    test("lets two processes add to one counter under a lease without losing a step", async () => {
      const children = await Promise.all([1, 2].map(() => runStoreChild(name, folder, "count")));
      await Promise.all(children.map((child) => child.ended()));
      store = await reopened(store, open, folder);
      const seen = [...store.keys("seen/")].map((key) => store.get(key) as number);
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * 50 }, (_, n) => n));
      expect(store.get("counter")).toBe(2 * 50);
    });
  });
}

async function reopened(store: Store, open: StoreEntry["open"], folder: string): Promise<Store> {
  await store[Symbol.asyncDispose]();
  return open(folder);
}
