// A family's question as the text that everybody sees, and back.
import type { Draw } from "./draw.ts";
import { families } from "./families/index.ts";
import type { Family } from "./family.ts";
import { type Condition, drawFilter, filterForReference, takeFilter, withFilter } from "./filter.ts";
import { read, render, type Slots } from "./grammar.ts";
import { fileSentences, loadForReference } from "./loading.ts";
import type { Table } from "./profile.ts";

/** A question that the profile suggests, worded, with the program that answers it. */
export interface Draft {
  readonly family: Family;
  readonly slots: Slots;
  readonly filter: readonly Condition[];
  readonly table: Table;
  readonly question: string;
  readonly constraints: readonly string[];
  readonly answerFormat: string;
  readonly referenceCode: string;
}

/** A question as its text gives it away. */
export interface KnownQuestion {
  readonly family: Family;
  readonly slots: Slots;
  readonly filter: readonly Condition[];
}

/** Words a question. `namesFile` adds which file is meant, for data of several files. */
export function word(
  family: Family,
  slots: Slots,
  table: Table,
  namesFile: boolean,
  draw: Draw,
  filter: readonly Condition[] = [],
): Draft {
  const sentences = draw.chance(0.3) ? draw.shuffle(family.constraints) : family.constraints;
  const file = render(draw.pick(family.joins ? fileSentences.main : fileSentences.only), { file: table.file });
  const asked = withFilter(
    render(draw.pick(family.wordings), slots),
    [...(namesFile ? [file] : []), ...sentences.map((wordings) => render(draw.pick(wordings), slots))],
    filter,
    draw,
  );
  return {
    family,
    slots,
    filter,
    table,
    ...asked,
    answerFormat: answerFormat(family, slots),
    referenceCode: `${loadForReference(table.file)}${filterForReference(filter)}\n${family.reference(slots).trim()}`,
  };
}

/** Conditions for a question: none, one or two, on columns that it does not ask about; as many as the family has to have. */
export function filterFor(family: Family, slots: Slots, table: Table, draw: Draw): readonly Condition[] | null {
  const least = family.conditions ?? 0;
  const wanted = least > 0 ? least + (draw.chance(0.3) ? 1 : 0) : draw.chance(0.4) ? 0 : draw.chance(0.65) ? 1 : 2;
  const filter = drawFilter(table, Object.values(slots).flat().map(String), wanted, draw);
  return filter.length < least ? null : filter;
}

/** Words before a question that change nothing. */
export const leadIns = ["Please find out:", "Here is a question:", "To be answered from the file:"] as const;

/** The family and the slots of a question, read from its text alone; null when it is none of ours or leaves something open. */
export function recognise(text: string, constraints: string): KnownQuestion | null {
  const leadIn = leadIns.find((words) => text.startsWith(words)) ?? "";
  const { question, filter } = takeFilter(text.slice(leadIn.length).trim(), constraints);
  for (const family of families) {
    if (filter.length < (family.conditions ?? 0)) continue;
    for (const wording of family.wordings) {
      const asked = read(wording, question, { whole: true });
      if (!asked) continue;
      const fixed = family.constraints.map((wordings) => firstRead(wordings, constraints));
      if (fixed.some((slots) => slots === null)) continue;
      return { family, slots: Object.assign({}, asked, ...fixed) as Slots, filter };
    }
  }
  return null;
}

function firstRead(wordings: readonly string[], text: string): Slots | null {
  for (const wording of wordings) {
    const slots = read(wording, text, { whole: false });
    if (slots) return slots;
  }
  return null;
}

function answerFormat(family: Family, slots: Slots): string {
  const values = family.answers.map((answer) => `@${answer.name}[value]`).join(" ");
  const meanings = family.answers.map((answer) => `${answer.name} ${render(answer.written, slots)}`).join(" and ");
  return `${values} where ${meanings}`;
}
