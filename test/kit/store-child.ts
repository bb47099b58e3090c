// A process of its own on a store: `node store-child.js <store> <folder> <act>`.
import { randomBytes } from "node:crypto";
import { stores } from "./store-list.ts";

const [name, folder, act] = process.argv.slice(2) as [string, string, string];
const entry = stores.find((candidate) => candidate.name === name);
if (!entry) throw new Error(`Expected a store of the list, got \`${name}\``);
const store = await entry.open(folder);
const never = new AbortController().signal;

const acts: Record<string, () => Promise<void>> = {
  async "put-until-killed"() {
    for (let n = 0; ; n += 10) {
      const keys = Array.from({ length: 10 }, (_, index) => `put/${process.pid}/${n + index}`);
      await Promise.all(keys.map((key) => store.put(key, { key, text: randomBytes(3_000).toString("base64") })));
      process.stdout.write(`${keys.join("\n")}\n`);
    }
  },
  async "hold-lease"() {
    await store.lease("shared", never);
    process.stdout.write("held\n");
    setInterval(() => {}, 1_000);
    await new Promise(() => {});
  },
  async count() {
    for (let step = 0; step < 50; step++) {
      const lease = await store.lease("counter", never);
      const count = (store.get("counter") as number | undefined) ?? 0;
      await Promise.all([store.put("counter", count + 1), store.put(`seen/${process.pid}/${step}`, count)]);
      await lease[Symbol.asyncDispose]();
    }
    await store[Symbol.asyncDispose]();
  },
};
const run = acts[act];
if (!run) throw new Error(`Expected one of ${Object.keys(acts).join(", ")}, got \`${act}\``);
await run();
