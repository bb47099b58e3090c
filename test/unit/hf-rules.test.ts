import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hubTarget } from "../../src/exports/card/hf-rules.ts";
import { exportOptions } from "../../src/exports/options.ts";
import { cardSubject, exportedFolder } from "../kit/card-subject.ts";
import { scratchFolder } from "./export-fixtures.ts";

let good: Awaited<ReturnType<typeof scratchFolder>>;
let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  good = await scratchFolder();
  folder = await scratchFolder();
  await exportedFolder(good.path);
});
afterAll(async () => {
  await good[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await rm(folder.path, { recursive: true, force: true });
  await cp(good.path, folder.path, { recursive: true });
});

const unsaid = exportOptions.parse({}).licence;
const rules = ["HF-R1", "HF-R2", "HF-R3", "HF-R4", "HF-R5", "CR-R1", "C12"];
const inCard = (from: string | RegExp, to: string) => change("README.md", from, to);
const info = (examples: unknown) =>
  `dataset_info:\n  - config_name: openai\n    splits:\n      - name: train\n        num_examples: ${examples}\n---\n\n# A`;

/** A whole folder, one thing changed: the rule that says so, and what it says; null where the folder is still good. */
const cases: readonly [what: string, rule: string, told: RegExp | null, spoil: () => Promise<void>][] = [
  ["no README.md", "HF-R1", /got no file/, () => rm(folder.at("README.md"))],
  ["text before the front matter", "HF-R1", /as the first bytes.*got other text/, () => inCard(/^/, "\n")],
  [
    "front matter that is no YAML",
    "HF-R1",
    /Expected YAML front matter, got/,
    () => inCard("license: other", "license: ["),
  ],
  ["front matter that is a list", "HF-R1", /with keys/, () => inCard(/^---[\s\S]*?\n---/, "---\n- a\n---")],
  ["front matter with a key of one's own", "HF-R1", null, () => inCard("license: other", "own: 1\nlicense: other")],
  ["no config", "HF-R2", /at least one config/, () => inCard("configs:", "konfigs:")],
  ["a config without a name", "HF-R2", /a name of its own/, () => inCard("config_name: openai", "name: openai")],
  [
    "two configs of one name",
    "HF-R2",
    /a name of its own, got .*parquet/,
    () => inCard("config_name: openai", "config_name: parquet"),
  ],
  [
    "a glob that finds nothing",
    "HF-R2",
    /a file for .*none/,
    () => inCard("openai/train-*.jsonl", "data/train-*.jsonl"),
  ],
  [
    "two kinds of file in one config",
    "HF-R2",
    /one kind of file/,
    () => inCard("openai/train-*.jsonl", "parquet/train-*.parquet"),
  ],
  [
    "a data file in no config",
    "HF-R2",
    /got `extra\.jsonl` in none/,
    () => writeFile(folder.at("extra.jsonl"), "{}\n"),
  ],
  [
    "a file that the manifest lists and is gone",
    "HF-R2",
    /that manifest\.json lists, got none/,
    () => rm(folder.at("openai/train-00001-of-00002.jsonl")),
  ],
  [
    "a file that nobody names",
    "HF-R2",
    /named in README\.md or in croissant\.json, got `notes\.txt`/,
    () => writeFile(folder.at("notes.txt"), "private\n"),
  ],
  [
    "a half-written file",
    "HF-R2",
    /got `openai\/train\.jsonl\.partial` in none/,
    () => writeFile(folder.at("openai/train.jsonl.partial"), "{"),
  ],
  ["a file that the card names", "HF-R2", null, namedFile],
  ["a link", "HF-R2", /files and folders only/, () => symlink("/etc/hostname", folder.at("LICENSE"))],
  ["a licence text and a hidden file", "HF-R2", null, hiddenAndLicence],
  ["a data file without rows in no config", "HF-R2", null, () => exportedFolder(folder.path, {}, { empty: true })],
  ["a shard with other columns", "HF-R2", /columns of .*got id.* in `parquet\/train-2/, otherColumns],
  [
    "a shard under a name of one's own",
    "HF-R2",
    null,
    () => inCard("openai/train-*.jsonl", "openai/train-0000?-of-00002.jsonl"),
  ],
  ["an unknown size", "HF-R3", /one of the Hub's sizes/, () => inCard("n<1K", "small")],
  [
    "a size of another data set",
    "HF-R3",
    /Expected n<1K of what is in the folder, got 1K<n<10K/,
    () => inCard("n<1K", "1K<n<10K"),
  ],
  ["the size without a manifest to hold it against", "HF-R3", null, () => rm(folder.at("manifest.json"))],
  ["no licence", "HF-R4", /Expected a licence/, () => inCard("license: other\n", "")],
  ["`other` without a name", "HF-R4", /license_name/, () => inCard(/license_name:.*\n/, "")],
  [
    "a licence of the Hub's list",
    "HF-R4",
    null,
    () => inCard(/license: other\nlicense_name:.*\n/, "license: cc0-1.0\n"),
  ],
  [
    "a count that is not the file's",
    "HF-R5",
    /to be 9, got .*10.*leave dataset_info out/,
    () => inCard("---\n\n# A", info(10)),
  ],
  ["a count that is no number", "HF-R5", /num_examples/, () => inCard("---\n\n# A", info("many"))],
  ["the true count", "HF-R5", null, () => inCard("---\n\n# A", info(9))],
  ["no croissant.json", "CR-R1", /croissant\.json in the folder, got none/, () => rm(folder.at("croissant.json"))],
  ["croissant.json without files", "CR-R1", /a list of files/, () => writeFile(folder.at("croissant.json"), "{}")],
  [
    "another hash in croissant.json",
    "CR-R1",
    /sha256/,
    () => change("croissant.json", /"sha256": "../, '"sha256": "zz'),
  ],
  [
    "a file changed after the export",
    "CR-R1",
    /sha256 that croissant\.json lists/,
    () => change("openai/validation-00000-of-00001.jsonl", "How many", "How few"),
  ],
  [
    "a file that croissant.json alone lists",
    "CR-R1",
    /lists, got none/,
    () => change("croissant.json", /"contentUrl": "openai/, '"contentUrl": "gone'),
  ],
  [
    "another size in croissant.json",
    "CR-R1",
    /size that croissant\.json lists \(.+1 B.+\)/,
    () => change("croissant.json", /"contentSize": "\d+ B"/, '"contentSize": "1 B"'),
  ],
  [
    "a prompt that is not the one that was used",
    "CR-R1",
    /`prompts\/agent\/react\.md` to have the sha256/,
    () => change("prompts/agent/react.md", "You are", "You were"),
  ],
  [
    "no name",
    "CR-R1",
    /`name` in croissant\.json/,
    () => change("croissant.json", '"name": "a-title', '"nome": "a-title'),
  ],
  ["another format", "CR-R1", /croissant\/1\.0, got/, () => change("croissant.json", "croissant/1.0", "croissant/2.0")],
  [
    "a field that reads no listed file",
    "CR-R1",
    /fields of .+openai-train.+ to come from a listed file, got .+gone/,
    () => change("croissant.json", /"fileSet": \{\s+"@id": "openai-train-files/, '"fileSet": {"@id": "gone'),
  ],
  ["keywords of one's own in croissant.json", "CR-R1", null, () => change("croissant.json", '"agent"', '"mine"')],
  [
    "a source without a licence",
    "C12",
    /a licence for each source dataset/,
    () => exportedFolder(folder.path, { datasets: cardSubject().datasets, licence: unsaid }),
  ],
  [
    "sources without licences of their own, and one for all",
    "C12",
    null,
    () => exportedFolder(folder.path, { datasets: cardSubject().datasets }),
  ],
];

test.each(cases)("%s (%s)", async (_, rule, told, spoil) => {
  await spoil();
  const found = await hubTarget().check(folder.path);
  if (told === null) return expect(found).toEqual([]);
  const named = found.filter((problem) => problem.rule === rule);
  expect(named.map(({ message }) => message).join("\n"), JSON.stringify(found)).toMatch(told);
  expect(new Set(named.map(({ severity }) => severity))).toEqual(new Set([rule === "C12" ? "warning" : "error"]));
});

test("an export as it was written breaks no rule", async () => {
  expect(await hubTarget().check(folder.path)).toEqual([]);
});

test("the table covers every rule", () => {
  expect([...new Set(cases.map(([, rule]) => rule))].sort()).toEqual([...rules].sort());
  const known = new Set<string>();
  const sources = ["hf-rules.ts", "croissant-rules.ts"].map((name) =>
    readFile(new URL(`../../src/exports/card/${name}`, import.meta.url), "utf8"),
  );
  return Promise.all(sources).then((texts) => {
    const source = texts.join("\n");
    for (const [, rule = ""] of source.matchAll(/"((?:HF|CR)-R\d+|C\d+)"/g)) known.add(rule);
    expect([...known].sort()).toEqual([...rules].sort());
  });
});

test("a folder that is not there is told", async () => {
  await expect(hubTarget().check(folder.at("nowhere"))).rejects.toThrow(/Expected a folder at .*nowhere.*ENOENT/);
});

async function change(name: string, from: string | RegExp, to: string): Promise<void> {
  const path = join(folder.path, name);
  const text = await readFile(path, "utf8");
  const changed = text.replace(from, () => to);
  expect(changed).not.toBe(text);
  await writeFile(path, changed);
}

async function namedFile(): Promise<void> {
  await writeFile(folder.at("load.py"), "\n");
  await inCard(/$/, "`load.py` loads it.\n");
}

async function hiddenAndLicence(): Promise<void> {
  await writeFile(folder.at("LICENSE"), "Terms\n");
  await writeFile(folder.at(".gitattributes"), "");
}

async function otherColumns(): Promise<void> {
  const { parquetWriteFile } = await import("hyparquet-writer");
  parquetWriteFile({
    filename: folder.at("parquet/train-2.parquet"),
    columnData: [{ name: "id", data: ["a"], type: "STRING" }],
  });
}
