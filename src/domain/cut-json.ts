const maxOpenings = 20;

/**
 * The places in a model's text that may be the JSON asked for, best guess first: fenced blocks, then what stands from each opening
 * bracket to its match (or, cut off, to the end). The caller parses them and takes the first that fits.
 */
export function jsonCandidates(text: string, opening: "{" | "["): string[] {
  const found: string[] = [];
  const fences = [...text.matchAll(/^[ \t]*```/gm)].map((match) => match.index);
  for (let fence = 0; fence < fences.length && fence < maxOpenings; fence++) {
    const from = text.indexOf("\n", fences[fence]);
    // Odd fences close; a block that was never closed reaches to the end.
    if (from >= 0 && fence % 2 === 0) found.push(text.slice(from + 1, fences[fence + 1] ?? text.length).trim());
  }
  let at = text.indexOf(opening);
  for (let count = 0; at >= 0 && count < maxOpenings; count++) {
    const end = matchingEnd(text, at);
    found.push(text.slice(at, end ?? text.length));
    // Inside a candidate lies only a part of it: go on behind it.
    at = text.indexOf(opening, end ?? at + 1);
  }
  return [...new Set(found)].filter((candidate) => candidate.startsWith(opening));
}

function matchingEnd(text: string, from: number): number | null {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}
