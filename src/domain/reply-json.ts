const maxOpenings = 20;
const maxDepth = 100;

/** A value found in a reply, and what had to be done to find it: `cut_from_fence`, `cut_from_prose`, `jsonrepair`. */
export interface ReplyJson<T> {
  readonly value: T;
  readonly repairs: readonly string[];
}

interface ReplyJsonOptions<T> {
  readonly openings: readonly ("{" | "[")[];
  readonly accept: (value: unknown) => T | null;
  readonly repair: (candidate: string) => string | null;
}

/**
 * Reads the JSON that a model was asked for out of its reply, whatever stands around it: the first place that `accept` takes (it returns
 * null for what does not fit), as it is, else after `repair` (null where it cannot). Null when there is none. Never throws.
 */
export function jsonInReply<T>(reply: string, options: ReplyJsonOptions<T>): ReplyJson<T> | null {
  for (const { found } of acceptedIn(reply, options)) return found;
  return null;
}

/** As `jsonInReply`, every place that `accept` takes and that does not lie within another: what is readable as it is first. Never throws. */
export function everyJsonInReply<T>(reply: string, options: ReplyJsonOptions<T>): ReplyJson<T>[] {
  const taken: string[] = [];
  const every: ReplyJson<T>[] = [];
  for (const { candidate, found } of acceptedIn(reply, options)) {
    if (taken.some((other) => other.includes(candidate))) continue;
    taken.push(candidate);
    every.push(found);
  }
  return every;
}

function* acceptedIn<T>(reply: string, { openings, accept, repair }: ReplyJsonOptions<T>) {
  const candidates = openings.flatMap((opening) => jsonCandidates(reply, opening));
  for (const mends of [false, true]) {
    for (const candidate of candidates) {
      const json = mends ? repair(candidate) : candidate;
      const value = json === null ? null : accept(parseJson(json));
      if (value === null) continue;
      const cut =
        reply.trim() === candidate.trim() ? [] : [reply.includes("```") ? "cut_from_fence" : "cut_from_prose"];
      yield { candidate, found: { value, repairs: [...cut, ...(mends ? ["jsonrepair"] : [])] } };
    }
  }
}

/** The value of a JSON text; undefined, which no JSON text is, for any other text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Fenced blocks first, then what stands from each opening bracket to its match (or, cut off, to the end). */
function jsonCandidates(text: string, opening: "{" | "["): string[] {
  const found: string[] = [];
  const fences = [...text.matchAll(/^[ \t]*```/gm)].map((match) => match.index);
  // Odd fences close; a block that was never closed reaches to the end.
  for (let fence = 0; fence < fences.length && fence < 2 * maxOpenings; fence += 2) {
    const from = text.indexOf("\n", fences[fence]);
    const block = from < 0 ? "" : text.slice(from + 1, fences[fence + 1] ?? text.length).trim();
    if (block.startsWith(opening) && matchingEnd(block, 0) !== "too deep") found.push(block);
  }
  let at = text.indexOf(opening);
  for (let count = 0; at >= 0 && count < maxOpenings; count++) {
    const end = matchingEnd(text, at);
    if (end === "too deep") break;
    found.push(text.slice(at, end ?? text.length));
    // Inside a candidate lies only a part of it: go on behind it.
    at = text.indexOf(opening, end ?? at + 1);
  }
  return [...new Set(found)];
}

// Readers of JSON recurse: what no model means is not worth a stack overflow.
function matchingEnd(text: string, from: number): number | null | "too deep" {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") {
      depth++;
      if (depth > maxDepth) return "too deep";
    } else if (char === "}" || char === "]") {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}

/** Whether a JSON value is an object with keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
