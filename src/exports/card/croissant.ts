// Croissant 1.0 metadata (docs.mlcommons.org/croissant/docs/croissant-spec.html): what machines read of a dataset.
import { relative } from "node:path";
import type { WrittenFormat } from "../write-all.ts";
import { mediaTypeOf } from "./front-matter.ts";
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

/** The metadata of an export: every file with its hash, a record set for each format whose rows are JSON lines or Parquet, and how the data was made. */
export function croissant(subject: CardSubject): Record<string, unknown> {
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
    license: datasets.map(({ name, licence: own }) => `${name}: ${own ?? licence}`),
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
    distribution: files.map(({ path, bytes, sha256 }) => {
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
    recordSet: formats.flatMap((format) => recordSets(format, folder)),
  };
}

/** A record set for each file whose rows have a name: one field a column is not told apart here, the row is (formats describe their own). */
function recordSets({ format, files }: WrittenFormat, folder: string): Record<string, unknown>[] {
  return files
    .filter(({ path }) => path.endsWith(".jsonl"))
    .map(({ path }, index) => {
      const id = files.length === 1 ? format : `${format}-${index}`;
      return {
        "@type": "cr:RecordSet",
        "@id": id,
        name: id,
        field: [
          {
            "@type": "cr:Field",
            "@id": `${id}/row`,
            name: "row",
            description: "One line of the file: a JSON object in the format's own shape.",
            dataType: "sc:Text",
            source: { fileObject: { "@id": relative(folder, path) }, extract: { fileProperty: "content" } },
          },
        ],
      };
    });
}

function nameOf(title: string): string {
  return (
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "") || "dataset"
  );
}
