/** The sum of amounts in US dollars; null as soon as one of them is unknown. */
export function sumUsd(amounts: Iterable<number | null>): number | null {
  let sum = 0;
  for (const amount of amounts) {
    if (amount === null) return null;
    sum += amount;
  }
  return sum;
}
