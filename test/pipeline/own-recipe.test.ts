// What a recipe of a user's own can bring beside stages and metrics: an exporter, and work that is paid for once.
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Picture } from "../../src/domain/trajectory.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { packageRoot } from "../../src/package.ts";
import { type CliEnd, tracemill } from "../kit/cli.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();

const picture = `class Dot:
    def _repr_png_(self): return "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
Dot()`;

const recipe = `import { appendFileSync } from "node:fs";
import { contentId, defineRun, each, from, openAtomicFile, pass, runShape, z } from "tracemill";

const titles = {
  name: "titles",
  fileName: "titles.txt",
  async write(examples, path) {
    await using file = await openAtomicFile(path);
    let rows = 0;
    for await (const { messages } of examples) {
      rows += 1;
      await file.write(messages[1].content + "\\n");
    }
    return await file.commit(rows);
  },
  check: async () => [],
};

export default defineRun({
  name: "own-recipe",
  config: z.strictObject({ ...runShape, paidLog: z.string() }),
  target: () => 2,
  exporters: [titles],
  build: (config, run) =>
    from(run.seeds({ explorations: 2 })).through(
      each({
        name: "say",
        async run(seed, { signal }) {
          const pay = async () => {
            appendFileSync(config.paidLog, seed.id + "\\n");
            const session = run.openSession({ dataset: seed.dataset, attempt: seed.id, signal });
            const { result } = await session.run(${JSON.stringify(picture)}, { signal });
            await session[Symbol.asyncDispose]();
            appendFileSync(config.paidLog + ".pictures", JSON.stringify(result.pictures) + "\\n");
            return "There are " + seed.dataset.files[0].bytes + " bytes, " + seed.exploration;
          };
          const what = { kind: "saying", version: 1, seed: seed.id };
          const { value } = await run.remember(what, z.string(), (spend) => spend(pay), { signal });
          const messages = [
            { role: "user", content: "How long is the file?", train: false },
            { role: "assistant", content: value, train: true },
          ];
          const id = contentId("example", { seed: seed.id, messages });
          return pass({ id, messages, group: seed.dataset.id, taskId: id, queryId: id, trajectoryId: id, transforms: [] });
        },
      }),
    ),
});
`.replaceAll("await using file =", "const file ="); // Node 20 does not read it

describe.skipIf(missing !== null)(`a recipe of a user's own${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  const ends: CliEnd[] = [];
  const read = (path: string) => readFile(join(folder, path), "utf8");

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-own-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(packageRoot(), join(folder, "node_modules/tracemill"));
    await writeFile(join(folder, "rows.csv"), "a,b\n1,2\n3,4\n5,6\n");
    await writeFile(join(folder, "recipe.mjs"), recipe);
    const models = { nobody: { provider: "offline-teacher" } };
    const config = { recipe: "./recipe.mjs", datasets: ["rows.csv"], models, paidLog: join(folder, "paid.log") };
    await writeFile(join(folder, "run.yaml"), stringify(config));
    const run = () => tracemill(["run", join(folder, "run.yaml"), "--output", join(folder, "output")]);
    ends.push(await run(), await run());
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("runs to its end, and again", () => {
    expect(
      ends.map(({ code }) => code),
      ends.map(({ stderr }) => stderr).join("\n"),
    ).toEqual([0, 0]);
  });

  test("writes the format it brings beside those that the config names, and lists it", async () => {
    const exports = "output/runs/latest/exports";
    const titles = (await read(`${exports}/titles.txt`)).trim().split("\n");
    expect(titles.toSorted()).toEqual(["There are 16 bytes, 0", "There are 16 bytes, 1"]);
    expect((await read(`${exports}/chat.jsonl`)).trim().split("\n")).toHaveLength(2);
    const { files } = JSON.parse(await read(`${exports}/manifest.json`)) as { files: { file: string; rows: number }[] };
    expect(files.map(({ file, rows }) => [file, rows])).toContainEqual(["titles.txt", 2]);
  });

  test("finds pictures that its sandboxes showed beside the store", async () => {
    const [kept] = JSON.parse((await read("paid.log.pictures")).split("\n")[0] ?? "") as Picture[];
    expect(kept).toMatchObject({ width: 1, height: 1 });
    const { sha256, bytes } = kept as Picture;
    expect(await openBlobs(join(folder, "output/store/blobs")).get(sha256)).toHaveLength(bytes);
  });

  test("pays once for what it remembers", async () => {
    expect((await read("paid.log")).trim().split("\n")).toHaveLength(2);
  });
});
