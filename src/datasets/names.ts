// What a column's name says about its values, where it says it without doubt.

/** A name's words in lower case: `US_Gross`, `unitPrice` and `Cost (USD)` give two each; `$`, `€`, `£` and `%` are words too. */
export function wordsOf(name: string): string[] {
  const apart = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  return apart.toLowerCase().match(/[\p{L}\p{N}]+|[$€£%]/gu) ?? [];
}

/** Whether a name says that its values are identifiers. */
export function namesIdentifier(name: string): boolean {
  return /(^|[_\s.-])(id|uuid|guid)$|^id[_\s]/i.test(name) || /[a-z](Id|ID)$/.test(name);
}

/** Whether a name says that its values tell rows apart: identifiers, codes, keys, running numbers. */
export function namesKey(name: string): boolean {
  const last = wordsOf(name).at(-1) ?? "";
  return namesIdentifier(name) || keyWords.has(last);
}

const keyWords = new Set([
  "id",
  "ids",
  "key",
  "code",
  "uuid",
  "guid",
  "sku",
  "isbn",
  "iata",
  "icao",
  "iso",
  "number",
  "no",
  "nr",
]);

// "amount", "sales", "income", "balance", "total" or "gross" may be pieces, people or weights.
const moneyWords = new Set(
  "price prices cost costs salary salaries wage wages revenue revenues fee fees budget payroll usd eur gbp chf jpy dollar dollars euro euros $ € £".split(
    " ",
  ),
);
const percentWords = new Set("percent percentage pct %".split(" "));
// Next to these the name is about something made of money or shares, no amount of it.
const otherWords = new Set(
  "index rank ratio rate rates share score count counts number num n growth change level category band type pct percent percentage % id code class range group year years month day date elasticity sensitivity weight quantity qty volume log z scaled normalized std per percentile quantile bin bucket flag has is".split(
    " ",
  ),
);

/** Money or percent where a name of numbers leaves little doubt; else undefined. */
export function measureNamed(name: string): "money" | "percent" | undefined {
  const words = wordsOf(name);
  if (words.some((word) => percentWords.has(word))) {
    return words.some((word) => /^(rank|count|counts|id|code|bin|bucket|n|num|flag|has|is)$/.test(word))
      ? undefined
      : "percent";
  }
  if (!words.some((word) => moneyWords.has(word))) return undefined;
  return words.some((word) => otherWords.has(word)) ? undefined : "money";
}
