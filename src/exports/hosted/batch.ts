// A file of requests for a batch lane: checked, not written (BA-R1..R4).
import type { Target } from "../../contracts.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { checkJsonl } from "../jsonl-check.ts";

const mostRequests = 50_000;
const mostBytes = 100 * 1000 ** 2;
const mostIdCharacters = 64;

/** Requests as the batch lanes of OpenAI and Together AI take them: the tighter limit of the two where they differ. */
export function batchTarget(): Target {
  return {
    name: "batch",
    about: "a file of requests for a batch lane (OpenAI, Together AI): checked only",
    check: (path) => checkJsonl(path, { ...file, line: lineRules() }),
  };
}

const file = {
  lines: "BA-R2",
  bytes: { rule: "BA-R2", most: mostBytes },
  rows: { rule: "BA-R2", fewest: 1, most: mostRequests },
} as const;

function lineRules(): (line: JsonObject) => LineProblem[] {
  const seen = new Set<string>();
  let same: { readonly url: unknown; readonly model: unknown } | null = null;
  return (line) => {
    const problems: LineProblem[] = [];
    const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
    const { custom_id: id, url, body } = line;
    if (typeof id !== "string" || id === "" || id.length > mostIdCharacters)
      report("BA-R1", "custom_id", `Expected 1 to ${mostIdCharacters} characters, got ${shown(id)}`);
    else if (seen.has(id))
      report("BA-R1", "custom_id", `Expected an id of its own for each request, got \`${id}\` again`);
    else seen.add(id);
    if (!isObject(body)) {
      report("BA-R3", "body", `Expected the request as an object, got ${shown(body)}`);
      return problems;
    }
    same ??= { url, model: body.model };
    if (url !== same.url) report("BA-R3", "url", `Expected one url a file, got ${shown(url)} after ${shown(same.url)}`);
    if (body.model !== same.model)
      report("BA-R3", "body.model", `Expected one model a file, got ${shown(body.model)} after ${shown(same.model)}`);
    if (body.stream === true) report("BA-R4", "body.stream", "Expected no streaming in a batch, got true; remove it");
    return problems;
  };
}
