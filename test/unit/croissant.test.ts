import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { croissant } from "../../src/exports/card/croissant.ts";
import { cardSubject, exportedFolder, jsonOf } from "../kit/card-subject.ts";
import { scratchFolder } from "./export-fixtures.ts";

interface Node {
  readonly "@type": string;
  readonly "@id": string;
  readonly [name: string]: unknown;
}

test("CR-R1: every file of the export is a FileObject with its own sha256 and size, shards are a FileSet that finds them, and record sets name what is there", async () => {
  await using folder = await scratchFolder();
  await exportedFolder(folder.path);
  const metadata = await jsonOf(folder.path, "croissant.json");
  expect(metadata).toMatchObject({
    "@type": "sc:Dataset",
    "dct:conformsTo": "http://mlcommons.org/croissant/1.0",
    "@context": { "@vocab": "https://schema.org/", cr: "http://mlcommons.org/croissant/", sc: "https://schema.org/" },
  });
  for (const name of ["name", "description", "license", "url", "creator", "version", "citeAs"])
    expect(metadata).toHaveProperty(name);

  const distribution = metadata.distribution as Node[];
  const objects = distribution.filter((node) => node["@type"] === "cr:FileObject");
  const written = (await jsonOf(folder.path, "manifest.json")).files as { readonly file: string }[];
  expect(objects.map((node) => node.contentUrl)).toEqual([
    ...written.map(({ file }) => file),
    "prompts/agent/react.md",
  ]);
  for (const { contentUrl, sha256, contentSize, encodingFormat } of objects) {
    const bytes = await readFile(folder.at(String(contentUrl)));
    expect(sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(contentSize).toBe(`${bytes.length} B`);
    const types = { jsonl: "application/jsonlines", parquet: "application/x-parquet", md: "text/markdown" };
    expect(encodingFormat).toBe(types[String(contentUrl).replace(/.*\./, "") as keyof typeof types]);
  }
  const sets = distribution.filter((node) => node["@type"] === "cr:FileSet");
  expect(sets.map(({ "@id": id, includes }) => [id, includes])).toEqual([
    ["openai-train-files", "openai/train-*.jsonl"],
    ["parquet-train-files", "parquet/train-*.parquet"],
  ]);

  const records = metadata.recordSet as Node[];
  expect(records.map((node) => node["@id"])).toEqual([
    "openai-train",
    "openai-validation",
    "parquet-train",
    "parquet-validation",
  ]);
  const ids = new Set(distribution.map((node) => node["@id"]));
  const fields = records.flatMap((node) => node.field as Node[]);
  const parts = fields.flatMap((field) => (field.subField as Node[] | undefined) ?? []);
  for (const field of [...fields.filter(({ subField }) => subField === undefined), ...parts]) {
    const source = field.source as Record<string, { readonly "@id": string }>;
    expect(ids).toContain((source.fileObject ?? source.fileSet)?.["@id"]);
    expect(field.dataType).toMatch(/^sc:(Text|Integer|Float|Boolean)$/);
    const [, , column = ""] = /^([\w-]+)\/(\w+)/.exec(field["@id"]) ?? [];
    const isPart = parts.includes(field);
    expect(source.extract).toEqual({ column });
    expect(source.transform).toEqual(isPart ? { jsonPath: field.name } : undefined);
  }
  const sourceOf = (id: string) => parts.find((field) => field["@id"] === id)?.source;
  expect(sourceOf("openai-train/messages/role")).toMatchObject({ fileSet: { "@id": "openai-train-files" } });
  expect(sourceOf("openai-validation/messages/role")).toMatchObject({
    fileObject: { "@id": "openai/validation-00000-of-00001.jsonl" },
  });
  for (const id of ["openai-train/messages", "parquet-train/messages"]) {
    const messages = fields.find((field) => field["@id"] === id) as Node;
    expect(messages.repeated).toBe(true);
    expect((messages.subField as Node[]).map(({ name, dataType }) => `${name} ${dataType}`)).toEqual([
      "role sc:Text",
      "content sc:Text",
      "weight sc:Integer",
    ]);
  }
  const every = [...distribution, ...records, ...fields, ...parts].map((node) => node["@id"]);
  expect(new Set(every).size).toBe(every.length);
  const ofParquet = records.find((node) => node["@id"] === "parquet-train")?.field as Node[];
  expect(ofParquet.find(({ name }) => name === "transforms")).toMatchObject({ dataType: "sc:Text", repeated: true });
});

test("fields have the type of their column; a file whose columns are not known has no record set", () => {
  const columns = new Map([
    [
      "/run/exports/openai.jsonl",
      [
        { name: "a", kind: "text" },
        { name: "b", kind: "list<integer>" },
        { name: "c", kind: "float" },
        { name: "d", kind: "nested" },
      ],
    ],
  ]);
  const { recordSet } = croissant(cardSubject(), { columns }) as { recordSet: Node[] };
  expect(recordSet.map((node) => node["@id"])).toEqual(["openai"]);
  expect(
    (recordSet.flatMap(({ field }) => field) as Node[]).map(({ dataType, repeated }) => [dataType, repeated]),
  ).toEqual([
    ["sc:Text", undefined],
    ["sc:Integer", true],
    ["sc:Float", undefined],
    ["sc:Text", undefined],
  ]);
});

test("licences: that of each source that has one, and the config's words once for the others", () => {
  const [cars] = cardSubject().datasets;
  const datasets = [cars, cars, { ...cars, name: "bikes", licence: "CC0-1.0" }] as never;
  expect(croissant(cardSubject({ datasets })).license).toEqual([
    "bikes: CC0-1.0",
    "Tables under BSD-3-Clause, see upstream.",
  ]);
});
