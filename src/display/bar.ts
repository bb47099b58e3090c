import { type Span, type Style, span } from "./line.ts";

/** A part of a bar: how much of the whole, and how a cell of it looks. */
export interface Part {
  readonly amount: number;
  readonly sign: string;
  readonly style: Style;
}

/** Parts side by side in at most `width` cells, in proportion to `whole`; a part above zero has a cell while there is room. */
export function bar(parts: readonly Part[], whole: number, width: number): Span[] {
  const shown = parts.filter((part) => part.amount > 0);
  const sum = shown.reduce((total, part) => total + part.amount, 0);
  if (whole <= 0 || width <= 0 || sum === 0) return [];
  const cells = Math.min(width, Math.max(shown.length, Math.round((sum / whole) * width)));
  const spare = Math.max(0, cells - shown.length);
  const shares = shown.map((part) => (part.amount / sum) * cells - 1);
  const positive = shares.reduce((total, share) => total + Math.max(0, share), 0);
  const exact = shares.map((share) => (positive === 0 ? 0 : (Math.max(0, share) / positive) * spare));
  const sizes = exact.map((size) => 1 + Math.floor(size));
  let left = spare - exact.reduce((total, size) => total + Math.floor(size), 0);
  // What rounding left over goes to those who lost most.
  const byLoss = exact.map((size, index) => ({ index, loss: size % 1 })).sort((a, b) => b.loss - a.loss);
  for (const { index } of byLoss) {
    if (left <= 0) break;
    sizes[index] = (sizes[index] ?? 0) + 1;
    left -= 1;
  }
  let room = width;
  return shown.flatMap(({ sign, style }, index) => {
    const size = Math.min(room, sizes[index] ?? 0);
    room -= size;
    return size > 0 ? [span(sign.repeat(size), style)] : [];
  });
}
