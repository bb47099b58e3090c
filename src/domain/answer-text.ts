/** An answer as models write it (number, text, list, pairs, object) as one text: names become `@name[value]`. Empty when there is none. */
export function answerText(answer: unknown): string {
  if (answer === null || answer === undefined) return "";
  if (Array.isArray(answer)) {
    const pairs = answer.every(isPair);
    return answer.length > 0 && pairs
      ? answer.map(([name, value]) => named(String(name), value)).join(", ")
      : answer.map(valueText).join(", ");
  }
  if (typeof answer === "object") {
    return Object.entries(answer)
      .map(([name, value]) => named(name, value))
      .join(", ");
  }
  return String(answer).trim();
}

function named(name: string, value: unknown): string {
  return `@${name.replace(/^@/, "")}[${valueText(value)}]`;
}

function isPair(entry: unknown): entry is [string, unknown] {
  return Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" && /^@?\w[\w .-]*$/.test(entry[0]);
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (value !== null && typeof value === "object") return JSON.stringify(value);
  return String(value).trim();
}
