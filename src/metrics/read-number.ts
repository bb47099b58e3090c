/** A number as written: `value` with its scale word applied, `unit` in lower case (`%` is kept apart), `places` after the point. */
export interface WrittenNumber {
  readonly value: number;
  readonly percent: boolean;
  readonly unit: string;
  readonly places: number;
}

const number = String.raw`\d{1,3}(?:[,_'\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+`;
const exponent = String.raw`[eE]([+-]?\d{1,3})|\s?[x×*·]\s?10\s?(?:\^|\*\*)\s?\(?([+-]?\d{1,3})\)?`;
const written = new RegExp(
  String.raw`^([+-]?)\s?([$€£¥]?)\s?([+-]?)(${number})(?:${exponent})?(k|M|B|bn)?\s?(%|[A-Za-z°µ$€£¥][A-Za-z°µ²³$€£¥/. -]{0,40})?$`,
);
const scales: Record<string, number> = { k: 3, M: 6, B: 9, bn: 9, thousand: 3, million: 6, billion: 9, trillion: 12 };
const currencies: Record<string, string> = { $: "usd", "€": "eur", "£": "gbp", "¥": "jpy", dollar: "usd", euro: "eur" };
const longest = 120;

/** Reads a text that is one number, with separators, currency, percent, exponent or unit words around it; null for anything else. */
export function readNumber(text: string): WrittenNumber | null {
  if (text.length > longest) return null;
  const plain = bare(text)
    .replace(/[\u2212\u2013](?=[\s$€£¥]*[.\d])/g, "-")
    .replace(/^(?:≈|~|about|approximately|approx\.?)\s*/i, "");
  const match = written.exec(plain);
  if (match === null) return null;
  const [, sign = "", currency = "", innerSign = "", digits = "", e1, e2, suffix = "", tail = ""] = match;
  if (sign !== "" && innerSign !== "") return null;
  const words = tail.toLowerCase().replace(/\.$/, "").trim().split(/\s+/).filter(Boolean);
  if (words.length > 3) return null;
  const scaleWord = words[0] !== undefined && words[0] in scales ? words.shift() : undefined;
  const percent = /^(?:%|percent|pct|per cent)$/.test(words.join(" "));
  const power = Number(e1 ?? e2 ?? 0) + (scales[suffix] ?? 0) + (scales[scaleWord ?? ""] ?? 0);
  const mantissa = digits.replace(/[,_'\u00a0\u202f]/g, "");
  const value = Number(`${sign}${innerSign}${mantissa}e${power}`);
  if (!Number.isFinite(value)) return null;
  const unit = percent ? "" : words.join(" ").replace(/s$/, "");
  return {
    value: value === 0 ? 0 : value,
    percent,
    unit: currencies[currency] ?? currencies[unit] ?? unit,
    places: Math.max(0, (mantissa.split(".")[1]?.length ?? 0) - power),
  };
}

/** True for the texts by which programs write what is not a finite number. */
export function isNotFinite(text: string): boolean {
  return text.length <= longest && /^[+-]?(?:nan|inf|infinity|nat|<na>|∞)%?$/i.test(bare(text));
}

/** A text without the quotes, emphasis, code marks and final point that people and models put around a value. */
export function bare(text: string): string {
  let inner = text.trim();
  for (let round = 0; round < 4; round++) {
    const next = inner
      .replace(/^(\*\*|__|`|"|'|“|‘)([\s\S]*)(\*\*|__|`|"|'|”|’)$/, "$2")
      .replace(/^\$([^$]*)\$$/, "$1")
      .replace(/\.$/, "")
      .trim();
    if (next === inner) break;
    inner = next;
  }
  return inner;
}
