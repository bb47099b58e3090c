const words: Record<string, number> = {
  zero: 0,
  no: 0,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
};
const nearest: Record<string, number> = {
  tenth: 1,
  hundredth: 2,
  thousandth: 3,
  "ten-thousandth": 4,
  "ten thousandth": 4,
  integer: 0,
  "whole number": 0,
  unit: 0,
  one: 0,
};
const count = String.raw`(\d{1,2}|zero|no|one|two|three|four|five|six|seven|eight|nine|ten)`;
const statement = new RegExp(
  [
    String.raw`\b${count}[\s-]+(?:decimal|digits? after|d\.?p\b)`,
    String.raw`\bround(?:ed|ing)?\s+(?:off\s+)?to\s+(?:the\s+)?${count}\b(?!\s*(?:significant|/))`,
    String.raw`\bnearest\s+(ten[- ]thousandth|thousandth|hundredth|tenth|integer|whole number|unit|one)\b`,
  ].join("|"),
  "gi",
);

/** One statement of how many decimals are asked, with where it stands in the text. */
export interface StatedPlaces {
  readonly places: number;
  readonly from: number;
  readonly to: number;
}

/** Every rounding that a text states ("rounded to two decimals", "nearest hundredth", "3 decimal places"), in order. */
export function statedPlaces(text: string): StatedPlaces[] {
  return [...text.slice(0, 20_000).matchAll(statement)].map((match) => {
    const [whole, counted, rounded, named] = match;
    const written = (counted ?? rounded ?? "").toLowerCase();
    const places = named === undefined ? (words[written] ?? Number(written)) : (nearest[named.toLowerCase()] ?? 0);
    return { places, from: match.index, to: match.index + whole.length };
  });
}
