/**
 * Head and tail of a text that is longer than `limit` characters, cut at line ends where there are some near, never inside a character;
 * `marker` says between them how many were left out.
 */
export function clip(text: string, limit: number, marker: (leftOut: number) => string): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  const headEnd = text.lastIndexOf("\n", half);
  const tailStart = text.indexOf("\n", text.length - half);
  const head = text.slice(0, whole(text, headEnd > half / 2 ? headEnd : half));
  const nearTail = tailStart >= 0 && tailStart < text.length - half / 2 ? tailStart + 1 : text.length - half;
  const tail = text.slice(whole(text, nearTail));
  return `${head}\n${marker(text.length - head.length - tail.length)}\n${tail}`;
}

/** `at`, or the place before it where it would part the two halves of a character. */
function whole(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
