import { py } from "./family.ts";

/** Python of a reference program that reads `file` into `df`. */
export function loadForReference(file: string): string {
  const path = py(file);
  const format = formatOf(file);
  if (format === "json") {
    return `import json\nimport pandas as pd\nwith open(${path}, encoding="utf-8") as source:\n    df = pd.DataFrame(json.load(source))`;
  }
  if (format === "jsonl") {
    return `import json\nimport pandas as pd\nwith open(${path}, encoding="utf-8") as source:\n    df = pd.DataFrame([json.loads(line) for line in source if line.strip()])`;
  }
  return `import pandas as pd\ndf = ${tableReader(format, path)}`;
}

/** Python of a solution that reads `file` into `df`. */
export function loadForSolving(file: string): string {
  const path = py(file);
  const format = formatOf(file);
  const options = "dtype=False, convert_dates=False, precise_float=True";
  if (format === "json") return `import numpy as np\nimport pandas as pd\ndf = pd.read_json(${path}, ${options})`;
  if (format === "jsonl") {
    return `import numpy as np\nimport pandas as pd\ndf = pd.read_json(${path}, lines=True, ${options})`;
  }
  return `import numpy as np\nimport pandas as pd\ndf = ${tableReader(format, path)}`;
}

/** Paths below /data/ that a text names. */
export function filesIn(text: string): string[] {
  return [...text.matchAll(/\/data\/[^\n"'`]*?\.(?:csv|tsv|jsonl|json|parquet)(?![\w.])/gi)].map(([path]) => path);
}

function tableReader(format: string, path: string): string {
  if (format === "parquet") return `pd.read_parquet(${path})`;
  return `pd.read_csv(${path}, ${format === "tsv" ? 'sep="\\t", ' : ""}low_memory=False)`;
}

function formatOf(file: string): string {
  return file.slice(file.lastIndexOf(".") + 1).toLowerCase();
}
