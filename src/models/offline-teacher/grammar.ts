// Sentences with slots, read both ways: the proposer writes them, the solver reads them back out of the task's text.

export type SlotValue = string | number | readonly string[];
export type Slots = Readonly<Record<string, SlotValue>>;

// {name} a quoted name · {#name} a number · {*name} quoted names joined by commas · {name:a|b} one of these words
const slotPattern = /\{([#*]?)(\w+)(?::([^}]*))?\}/g;
const quoted = '"(?:[^"\\\\]|\\\\.)*"';

/** The sentence with its slots filled. @throws {Error} when a slot has no value: a bug in a family. */
export function render(template: string, slots: Slots): string {
  return template.replace(slotPattern, (_whole, mark: string, name: string, words: string | undefined) => {
    const value = slots[name];
    if (value === undefined) throw new Error(`Expected a value for the slot \`${name}\`, got none in \`${template}\``);
    if (mark === "*") return (value as readonly string[]).map((item) => JSON.stringify(item)).join(", ");
    return mark === "#" || words !== undefined ? String(value) : JSON.stringify(value);
  });
}

/** The slots of `template` as they stand in `text`, or null. `whole` asks that nothing stands around it. */
export function read(template: string, text: string, { whole }: { whole: boolean }): Slots | null {
  const { kinds, anywhere, alone } = compiled(template);
  const found = (whole ? alone : anywhere).exec(text.trim());
  if (!found) return null;
  const slots: Record<string, SlotValue> = {};
  for (const [index, { name, mark }] of kinds.entries()) {
    const value = found[index + 1] ?? "";
    if (mark === "#") slots[name] = Number(value);
    else if (mark === "words") slots[name] = value;
    else slots[name] = JSON.parse(mark === "*" ? `[${value}]` : value) as string | string[];
  }
  return slots;
}

interface Compiled {
  readonly kinds: readonly { readonly name: string; readonly mark: string }[];
  readonly anywhere: RegExp;
  readonly alone: RegExp;
}

// Every reply reads a text against hundreds of templates.
const compiledBefore = new Map<string, Compiled>();

function compiled(template: string): Compiled {
  const before = compiledBefore.get(template);
  if (before) return before;
  const kinds: { name: string; mark: string }[] = [];
  let pattern = "";
  let last = 0;
  for (const match of template.matchAll(slotPattern)) {
    const [all, mark = "", name = "", words] = match;
    pattern += escaped(template.slice(last, match.index));
    last = match.index + all.length;
    kinds.push({ name, mark: words === undefined ? mark : "words" });
    if (words !== undefined) pattern += `(${words.split("|").map(escaped).join("|")})`;
    else if (mark === "#") pattern += "(-?\\d+(?:\\.\\d+)?)";
    else pattern += mark === "*" ? `(${quoted}(?:, ${quoted})*)` : `(${quoted})`;
  }
  pattern += escaped(template.slice(last));
  const made = { kinds, anywhere: new RegExp(pattern), alone: new RegExp(`^${pattern}$`) };
  compiledBefore.set(template, made);
  return made;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
