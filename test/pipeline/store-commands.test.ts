import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { thisHolder } from "../../src/engine/holder.ts";
import { openStore } from "../../src/engine/store.ts";
import { openStoreInUse } from "../../src/engine/store-users.ts";
import { tracemill } from "../kit/cli.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const timeout = 300_000;

describe.skipIf(missing !== null)(`tracemill store${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let files: SmallRun;
  let values: string;
  const ask = (...args: string[]) => files.ask("store", ...args);
  const json = async (...args: string[]) => {
    const end = await ask(...args, "--json");
    return JSON.parse(end.stdout === "" ? `"${end.stderr}"` : end.stdout);
  };
  /** Changes the store as nobody should. */
  const meddle = async (change: (store: Awaited<ReturnType<typeof openStore>>) => Promise<unknown>) => {
    await using store = await openStore(values);
    await change(store);
  };
  beforeAll(async () => {
    files = await smallRun({ config: tinyConfig });
    values = join(files.output, "store/values");
    const end = await files.run();
    expect(end.code, end.stderr).toBe(0);
  }, timeout);
  afterAll(() => files[Symbol.asyncDispose]());

  test("stats counts what lies there by kind, and what no run refers to", async () => {
    const { requests } = await files.summary();
    await meddle((store) => store.put(`body/${"0".repeat(64)}`, { id: "nobody_0" }));
    const stats = await json("stats");
    expect(stats.kinds.completion).toMatchObject({ entries: requests.sent, unused: 0 });
    expect(stats.kinds["sandbox-step"]).toMatchObject({ unused: 0 });
    expect(stats.kinds.body.unused).toBe(1);
    expect([stats.datasets.entries, stats.datasets.unused, stats.runs.entries]).toEqual([1, 0, 1]);
    expect(stats.fileBytes).toBe(statSync(join(values, "data.mdb")).size);
    expect((await ask("stats")).stdout).toMatch(/^completion +\d+ +[\d.]+ kB +0$/m);
  });

  test(
    "verify finds a damaged value, dataset and export, says the way out, and --fix removes what can be computed anew",
    async () => {
      await meddle((store) => store.delete(`body/${"0".repeat(64)}`));
      expect(await json("verify")).toMatchObject({ problems: [], datasets: 1, runs: 1 });
      await meddle((store) => store.put("waiver/judge/x_1", { because: "?" }));
      const stopped = await files.ask("waive", "latest", "--list");
      expect([stopped.code, stopped.stderr]).toEqual([
        3,
        expect.stringContaining("tracemill store verify --fix` removes it"),
      ]);
      await meddle((store) => store.delete("waiver/judge/x_1"));

      await using clean = await openStore(values);
      const [completion = ""] = clean.keys("completion/");
      const [body = ""] = clean.keys("body/");
      await clean[Symbol.asyncDispose]();
      await meddle((store) =>
        Promise.all([store.put(completion, { version: 1, at: "now" }), store.put(body, { id: "x" })]),
      );
      const [dataset = ""] = readdirSync(join(files.output, "store/datasets"));
      const copy = join(files.output, "store/datasets", dataset, "cars.json");
      chmodSync(copy, 0o644);
      writeFileSync(copy, "[]");
      const exported = join(files.output, "runs/latest/exports/chat.arrow");
      const good = readFileSync(exported);
      writeFileSync(exported, good.subarray(1));

      const damaged = await ask("verify");
      expect(damaged.code).toBe(3);
      expect(damaged.stdout).toMatch(/5 problems/); // the body is also one that a run misses
      for (const named of [completion, body, dataset, "chat.arrow"]) expect(damaged.stdout).toContain(named);
      expect(damaged.stdout).toContain("asks (and pays) again");

      const fixed = await ask("verify", "--fix");
      expect([fixed.code, fixed.stdout]).toEqual([3, expect.stringContaining("3 removed")]);
      const next = await files.run();
      expect(next.code, next.stderr).toBe(0);
      expect((await files.summary()).requests.sent).toBe(1);
      const problems = (await json("verify")).problems as { where: string }[];
      expect(problems.map(({ where }) => where)).toEqual([expect.stringContaining("chat.arrow")]);
    },
    timeout,
  );

  test(
    "prune shows what would go, does nothing while a run works on the store, and makes the file smaller",
    async () => {
      const noise = Array.from({ length: 20_000 }, (_, n) => Math.sin(n).toString(36)).join("");
      await meddle((store) =>
        Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            store.put(`body/${String(n).padStart(64, "0")}`, { id: `x_${n}`, noise }),
          ),
        ),
      );
      const size = () => statSync(join(values, "data.mdb")).size;
      const large = size();
      const plan = await ask("prune", "--keep-runs", "1");
      expect(plan.stdout).toMatch(/^Would remove:\n {2}runs\/ +1 .*\n {2}body +20 /);
      expect(plan.stdout).toContain("Do it with --yes");
      expect(size()).toBe(large);
      {
        await using _run = await openStoreInUse(values, "tracemill run busy.yaml");
        const refused = await ask("prune", "--yes");
        expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("`tracemill run busy.yaml`")]);
      }
      // This process, which lives, says that it tidies the store; then one that is dead.
      const owner = `${values}.owner`;
      writeFileSync(owner, JSON.stringify(thisHolder()));
      for (const kept of [await files.run(), await ask("prune", "--yes")]) {
        expect([kept.code, kept.stderr]).toEqual([3, expect.stringMatching(/process \d+ is tidying it.*\n$/)]);
      }
      writeFileSync(owner, JSON.stringify({ ...thisHolder(), started: "long ago" }));
      const done = await ask("prune", "--keep-runs", "1", "--completions", "--yes");
      expect(done.code, done.stderr).toBe(0);
      expect(size()).toBeLessThan(large / 2);
      expect(await json("verify")).toMatchObject({ problems: [], runs: 1 });
      expect((await json("stats")).kinds.body.unused).toBe(0);
      const next = await files.run();
      expect(next.code, next.stderr).toBe(0);
      expect((await files.summary()).requests.sent).toBe(0);
    },
    timeout,
  );

  test(
    "what was exported lets another folder run without a request; importing again replaces nothing",
    async () => {
      const file = join(files.folder, "shared.jsonl.gz");
      const { entries } = await json("export", file);
      const elsewhere = join(files.folder, "elsewhere");
      const bring = async (path: string) => {
        const end = await tracemill(["store", "import", path, "--json", "--output", elsewhere]);
        return end.code === 0 ? JSON.parse(end.stdout) : end;
      };
      // A damaged file is refused whole.
      const cut = join(files.folder, "cut.jsonl.gz");
      const lines = gunzipSync(readFileSync(file)).toString().split("\n");
      writeFileSync(cut, gzipSync([...lines.slice(0, 5), ...lines.slice(6)].join("\n")));
      expect(await bring(cut)).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing was taken") });
      writeFileSync(cut, readFileSync(file).subarray(0, -100));
      expect(await bring(cut)).toMatchObject({ code: 2, stderr: expect.stringContaining(cut) });
      expect(await bring(files.folder)).toMatchObject({ code: 2, stderr: expect.stringContaining("EISDIR") });
      expect(await bring(file)).toEqual({ added: entries, there: 0 });
      expect(await bring(file)).toEqual({ added: 0, there: entries });
      const end = await files.run({ output: elsewhere });
      expect(end.code, end.stderr).toBe(0);
      expect((await files.summary(elsewhere)).requests).toMatchObject({ sent: 0 });
      expect(await files.exported(elsewhere)).toEqual(await files.exported());
    },
    timeout,
  );
});
