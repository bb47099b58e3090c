/** `text` in pieces of at most `size` UTF-16 units, never cut within a character. */
export function* pieces(text: string, size: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + size);
    if (to < text.length && isLowSurrogate(text.charCodeAt(to))) to -= 1;
    yield text.slice(from, to);
    from = to;
  }
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
