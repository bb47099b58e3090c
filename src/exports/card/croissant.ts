// Croissant 1.0 metadata (docs.mlcommons.org/croissant/docs/croissant-spec.html): what machines read of a dataset.
import { relative } from "node:path";
import type { ExportedFile } from "../../contracts.ts";
import type { Column } from "./columns.ts";
import { globOf, mediaTypeOf } from "./front-matter.ts";
import type { CardSubject } from "./subject.ts";

const context = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  citeAs: "cr:citeAs",
  column: "cr:column",
  conformsTo: "dct:conformsTo",
  cr: "http://mlcommons.org/croissant/",
  data: { "@id": "cr:data", "@type": "@json" },
  dataType: { "@id": "cr:dataType", "@type": "@vocab" },
  dct: "http://purl.org/dc/terms/",
  examples: { "@id": "cr:examples", "@type": "@json" },
  extract: "cr:extract",
  field: "cr:field",
  fileObject: "cr:fileObject",
  fileProperty: "cr:fileProperty",
  fileSet: "cr:fileSet",
  format: "cr:format",
  includes: "cr:includes",
  isLiveDataset: "cr:isLiveDataset",
  jsonPath: "cr:jsonPath",
  key: "cr:key",
  md5: "cr:md5",
  parentField: "cr:parentField",
  path: "cr:path",
  rai: "http://mlcommons.org/croissant/RAI/",
  recordSet: "cr:recordSet",
  references: "cr:references",
  regex: "cr:regex",
  repeated: "cr:repeated",
  replace: "cr:replace",
  sc: "https://schema.org/",
  separator: "cr:separator",
  source: "cr:source",
  subField: "cr:subField",
  transform: "cr:transform",
};

/**
 * The metadata of an export: every data file with its hash, the shards of a split as a set, the rows of a split as a record set with a field for
 * each column, and how the data was made. `columns`: of each file by its path, where they are known; `beside`: the other files of the folder,
 * prompts and such.
 */
export function croissant(
  subject: CardSubject,
  {
    columns = new Map(),
    beside = [],
  }: {
    readonly columns?: ReadonlyMap<string, readonly Column[]>;
    readonly beside?: readonly Pick<ExportedFile, "path" | "bytes" | "sha256">[];
  } = {},
): Record<string, unknown> {
  const parts = distributed(subject);
  const { title, licence, run, formats, folder, datasets, models, date } = subject;
  const files = formats.flatMap((format) => format.files);
  const programs = models.some(({ program }) => program);
  return {
    "@context": context,
    "@type": "sc:Dataset",
    "dct:conformsTo": "http://mlcommons.org/croissant/1.0",
    name: nameOf(title),
    alternateName: title,
    description:
      "Conversations in which an assistant answers questions about datasets by running Python in a sandbox, made by Tracemill" +
      (programs ? ", with a program in the place of a language model: a demonstration." : "."),
    license: [
      ...datasets.flatMap(({ name, licence: own }) => (own === undefined ? [] : [`${name}: ${own}`])),
      ...(datasets.every((dataset) => dataset.licence !== undefined) ? [] : [licence]),
    ],
    url: "README.md",
    creator: { "@type": "sc:SoftwareApplication", name: "Tracemill" },
    ...(date === undefined || date === null ? {} : { datePublished: date }),
    version: "1.0.0",
    identifier: run,
    keywords: ["agent", "data science", "synthetic", "fine-tuning"],
    citeAs: `${title}. Made by Tracemill, run ${run}.`,
    "rai:dataCollection":
      "Models proposed questions over the source datasets and solved them in sandboxes; filters, reference answers and a judge decided what was kept (README.md, Funnel).",
    "rai:dataCollectionType": "Synthetic",
    "rai:dataAnnotationProtocol": "No person labelled the data; see README.md, Judge.",
    "rai:dataBiases": "Those of the source datasets and of the models that asked and answered.",
    "rai:dataLimitation": "See README.md, Known limits.",
    distribution: [
      ...[...files, ...beside].map(({ path, bytes, sha256 }) => {
        const file = relative(folder, path);
        return {
          "@type": "cr:FileObject",
          "@id": file,
          name: file,
          contentUrl: file,
          encodingFormat: mediaTypeOf(path),
          contentSize: `${bytes} B`,
          sha256,
        };
      }),
      ...parts.filter((part) => part.files.length > 1).map((part) => fileSet(part, folder)),
    ],
    recordSet: parts.flatMap((part) => recordSet(part, columns)),
  };
}

interface Distributed {
  /** The FileObject of a split in one file, the FileSet of one in shards. */
  readonly source: Record<string, unknown>;
  readonly id: string;
  readonly format: string;
  readonly split: string;
  readonly files: readonly ExportedFile[];
}

/** The splits of every format, each with where its rows lie. */
function distributed({ formats, folder }: CardSubject): Distributed[] {
  return formats.flatMap(({ format, files }) => {
    const splits = new Map<string, ExportedFile[]>();
    for (const file of files) splits.set(file.split ?? "train", [...(splits.get(file.split ?? "train") ?? []), file]);
    return [...splits].map(([split, shards]) => {
      const id = splits.size === 1 ? format : `${format}-${split}`;
      const [first] = shards;
      const source: Record<string, unknown> =
        shards.length > 1 || first === undefined
          ? { fileSet: { "@id": `${id}-files` } }
          : { fileObject: { "@id": relative(folder, first.path) } };
      return { source, id, format, split, files: shards };
    });
  });
}

/** The shards of a split, as a glob below this folder; each of them is a FileObject with its hash besides. */
function fileSet({ id, files, format, split }: Distributed, folder: string): Record<string, unknown> {
  const paths = files.map(({ path }) => relative(folder, path));
  return {
    "@type": "cr:FileSet",
    "@id": `${id}-files`,
    name: `${id}-files`,
    description: `The ${files.length} shards of the split ${split} of ${format}.`,
    includes: globOf(paths),
    encodingFormat: mediaTypeOf(paths[0] ?? ""),
  };
}

/** The rows of one split: a field for each column. None where the columns are not known: an Arrow file has no reader among Croissant's. */
function recordSet(
  { id, source, format, split, files }: Distributed,
  columns: ReadonlyMap<string, readonly Column[]>,
): Record<string, unknown>[] {
  const known = columns.get(files[0]?.path ?? "") ?? [];
  if (known.length === 0) return [];
  return [
    {
      "@type": "cr:RecordSet",
      "@id": id,
      name: id,
      description: `The rows of the split ${split} of ${format}.`,
      field: known.map((column) => ({
        ...fieldOf(`${id}/${column.name}`, column),
        ...(column.parts === undefined
          ? { source: { ...source, extract: { column: column.name } } }
          : { subField: column.parts.map((part) => partOf(part, { id, column, source })) }),
      })),
    },
  ];
}

function fieldOf(id: string, { name, kind, parts, repeated }: Column): Record<string, unknown> {
  const shape = parts === undefined ? typeOf(kind) : repeated === true ? { repeated } : {};
  return { "@type": "cr:Field", "@id": id, name, ...shape };
}

/** A part of a nested column, which a reader takes out of it by JSON path; what is nested in it is not told apart further. */
function partOf(
  { name, kind }: Column,
  { id, column, source }: { readonly id: string; readonly column: Column; readonly source: Record<string, unknown> },
): Record<string, unknown> {
  return {
    ...fieldOf(`${id}/${column.name}/${name}`, { name, kind }),
    source: { ...source, extract: { column: column.name }, transform: { jsonPath: name } },
  };
}

const types: Readonly<Record<string, string>> = {
  text: "sc:Text",
  integer: "sc:Integer",
  float: "sc:Float",
  boolean: "sc:Boolean",
};

function typeOf(kind: string): Record<string, unknown> {
  const item = /^list<(\w+)>$/.exec(kind)?.[1];
  const repeated = item === undefined ? undefined : types[item];
  if (repeated !== undefined) return { dataType: repeated, repeated: true };
  const plain = types[kind];
  if (plain !== undefined) return { dataType: plain };
  return {
    dataType: "sc:Text",
    description: `Nested${kind === "nested" ? "" : ` (${kind})`}: its parts are not described here.`,
  };
}

function nameOf(title: string): string {
  return (
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "") || "dataset"
  );
}
