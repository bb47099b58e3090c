// A family's question as the text that everybody sees, and back.
import type { Draw } from "./draw.ts";
import { families } from "./families/index.ts";
import type { Family } from "./family.ts";
import { read, render, type Slots } from "./grammar.ts";
import { loadForReference } from "./loading.ts";
import type { Table } from "./profile.ts";

/** A question that the profile suggests, worded, with the program that answers it. */
export interface Draft {
  readonly family: Family;
  readonly slots: Slots;
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
}

/** Words a question. `namesFile` adds which file is meant, for data of several files. */
export function word(family: Family, slots: Slots, table: Table, namesFile: boolean, draw: Draw): Draft {
  const constraints = family.constraints.map((wordings) => render(draw.pick(wordings), slots));
  return {
    family,
    slots,
    table,
    question: render(draw.pick(family.wordings), slots),
    constraints: namesFile ? [render("Use only the file {file}.", { file: table.file }), ...constraints] : constraints,
    answerFormat: answerFormat(family, slots),
    referenceCode: `${loadForReference(table.file)}\n${family.reference(slots).trim()}`,
  };
}

/** The family and the slots of a question, read from its text alone; null when it is none of ours or leaves something open. */
export function recognise(question: string, constraints: string): KnownQuestion | null {
  for (const family of families) {
    for (const wording of family.wordings) {
      const asked = read(wording, question, { whole: true });
      if (!asked) continue;
      const fixed = family.constraints.map((wordings) => firstRead(wordings, constraints));
      if (fixed.some((slots) => slots === null)) continue;
      return { family, slots: Object.assign({}, asked, ...fixed) as Slots };
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
