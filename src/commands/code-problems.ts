// Whether the reference code of the user's own questions is Python, as the sandbox's Python reads it. Nothing of it is run.
import type { z } from "zod";
import { boundedText } from "../domain/trajectory.ts";
import { openSandboxBackend, type sandboxConfig } from "../sandboxes/index.ts";
import { type FindDataset, readQuestions, type TaskFile } from "../tasks/own-questions.ts";
import type { Remark } from "../tasks/survey.ts";

const mostAtOnce = 50;
// What a problem takes of the output at most, of which only so much is kept: what is cut in the middle could not be read.
const problemBytes = 400;

interface Code {
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

/** A remark for each code that does not parse. @throws {UsageError} without a usable sandbox; {FailureError} when it broke. */
export async function codeProblems(options: {
  readonly files: readonly TaskFile[];
  readonly findDataset: FindDataset;
  /** Folders of the datasets' copies, by id. */
  readonly folders: ReadonlyMap<string, string>;
  readonly sandbox: z.output<typeof sandboxConfig>;
}): Promise<Remark[]> {
  const { signal } = new AbortController();
  const [dataDir] = options.folders.values();
  if (dataDir === undefined) return [];
  await using backend = await openSandboxBackend({ ...options.sandbox, preimport: [], signal });
  await using sandbox = await backend.open({ dataDir, label: "check-tasks", signal });
  const atOnce = Math.max(1, Math.min(mostAtOnce, Math.floor(options.sandbox.outputBytes / problemBytes)));
  const problems: Remark[] = [];
  let batch: Code[] = [];
  for await (const read of readQuestions(options.files, options.findDataset)) {
    const code = "problems" in read ? null : read.question.referenceCode;
    if (code === null) continue;
    batch.push({ file: read.file.name, line: read.line, code });
    if (batch.length === atOnce) await flush();
  }
  await flush();
  return problems;

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    const { stdout, end } = await sandbox.run(parser(batch.map(({ code }) => code)), { signal });
    if (end !== "ok") throw new Error(`Expected the parser to end well, got ${end}`);
    const { head, tail } = boundedText.parse(stdout);
    for (const line of (head + tail).split("\n").filter((text) => text.startsWith("["))) {
      const [index, why] = JSON.parse(line) as [number, string];
      const at = batch[index];
      if (at === undefined) continue;
      const message = `expected Python that parses, got ${why}: mend it, or leave \`reference_code\` out`;
      problems.push({ file: at.file, line: at.line, field: "reference_code", message });
    }
    batch = [];
  }
}

function parser(codes: readonly string[]): string {
  return `import ast, json
for _index, _code in enumerate(json.loads(${JSON.stringify(JSON.stringify(codes))})):
    try:
        ast.parse(_code)
    except (SyntaxError, ValueError) as _error:
        print(json.dumps([_index, f"{_error.__class__.__name__}: {getattr(_error, 'msg', _error)} (its line {getattr(_error, 'lineno', '?')})"[:200]]))`;
}
