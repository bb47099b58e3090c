import { py } from "./family.ts";
import { read } from "./grammar.ts";

const extensions = "(?:(?:csv|tsv|jsonl|ndjson|json)(?:\\.gz)?|parquet|xlsx?)";

/** Python of a reference program that reads `file` (a path, or a path with ` sheet "…"`) into the variable `into`. */
export function loadForReference(file: string, into = "df"): string {
  const { path, format, zipped } = partsOf(file);
  if (format !== "json" && format !== "jsonl") return `import pandas as pd\n${into} = ${tableReader(file)}`;
  const opened = zipped
    ? `import gzip\nwith gzip.open(${py(path)}, "rt", encoding="utf-8") as source:`
    : `with open(${py(path)}, encoding="utf-8") as source:`;
  const records = format === "json" ? "json.load(source)" : "[json.loads(line) for line in source if line.strip()]";
  return `import json\nimport pandas as pd\n${opened}\n    ${into} = pd.DataFrame(${records})`;
}

/** Python of a solution that reads `file` into the variable `into`. */
export function loadForSolving(file: string, into = "df"): string {
  return `import numpy as np\nimport pandas as pd\n${into} = ${readerForSolving(file)}`;
}

/** The expression by which a solution reads `file`. */
export function readerForSolving(file: string): string {
  const { path, format } = partsOf(file);
  const options = "dtype=False, convert_dates=False, precise_float=True";
  if (format === "json") return `pd.read_json(${py(path)}, ${options})`;
  if (format === "jsonl") return `pd.read_json(${py(path)}, lines=True, ${options})`;
  return tableReader(file);
}

/** Paths below /data/ that a text names. */
export function filesIn(text: string): string[] {
  const path = new RegExp(`/data/[^\\n"'\`]*?\\.${extensions}(?![\\w.])`, "gi");
  return [...text.matchAll(path)].map(([found]) => found);
}

/** Sentences that say which file a question on data of several files means. */
export const fileSentences = {
  only: ["Use only the file {file}.", "All columns are those of the file {file}."],
  main: ["The main table is the file {file}.", "Start from the file {file}."],
} as const;

/** The file that a question means: the one its constraints name, else the first of the list. */
export function fileMeant(files: string, constraints: string): string {
  for (const sentence of [...fileSentences.only, ...fileSentences.main]) {
    const named = read(sentence, constraints, { whole: false })?.file;
    if (typeof named === "string") return named;
  }
  return filesIn(constraints)[0] ?? filesIn(files)[0] ?? "";
}

function tableReader(file: string): string {
  const { path, format, sheet } = partsOf(file);
  if (format === "parquet") return `pd.read_parquet(${py(path)})`;
  if (format === "xlsx" || format === "xls") {
    return `pd.read_excel(${py(path)}${sheet === null ? "" : `, sheet_name=${py(sheet)}`})`;
  }
  return `pd.read_csv(${py(path)}, ${format === "tsv" ? 'sep="\\t", ' : ""}low_memory=False)`;
}

function partsOf(file: string) {
  const [, path = file, quotedSheet] = /^(.*?)(?: sheet ("(?:[^"\\]|\\.)*"))?$/.exec(file) ?? [];
  const zipped = /\.gz$/i.test(path);
  const extension = path.replace(/\.gz$/i, "").split(".").at(-1)?.toLowerCase() ?? "";
  return {
    path,
    format: extension === "ndjson" ? "jsonl" : extension,
    zipped,
    sheet: quotedSheet === undefined ? null : (JSON.parse(quotedSheet) as string),
  };
}
