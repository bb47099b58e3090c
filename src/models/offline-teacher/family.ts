import type { Draw } from "./draw.ts";
import type { Slots, SlotValue } from "./grammar.ts";
import type { Table } from "./profile.ts";

/** What the solver learned from its first look at the data. */
export interface Facts {
  /** dtype and missing count of a column, as the observation showed them. */
  column(name: string): { readonly dtype: string; readonly missing: number };
}

/** One step of a solution: what is said before it, and Python that works on `df`. */
export interface SolvingStep {
  readonly think: string;
  readonly code: string;
}

/**
 * One kind of question. The two sides share only the sentences: `propose` and `reference` write, `solve` starts from what is read
 * back out of the task's text and takes another route through numpy or plain Python.
 */
export interface Family {
  readonly name: string;
  readonly difficulty: "easy" | "medium" | "hard";
  /** Question templates; the slots in them are enough to know what is asked. */
  readonly wordings: readonly string[];
  /** One sentence of each group stands in every question's constraints. */
  readonly constraints: readonly (readonly string[])[];
  /** The values asked for, in order: name, and how it is written. */
  readonly answers: readonly { readonly name: string; readonly written: string }[];
  /** Questions that the profile suggests, best first. */
  readonly propose: (table: Table, draw: Draw) => readonly Slots[];
  /** At most this many questions of one exploration; 4 when left out. */
  readonly most?: number;
  /** At least so many conditions on rows come with every question; 0 when left out. */
  readonly conditions?: number;
  /** The question is about the file it names and another one. */
  readonly joins?: true;
  /** Python over `df` (pandas as `pd`) that prints the answer as its last line. */
  readonly reference: (slots: Slots) => string;
  /** Steps over `df` (`np`, `pd`); the last prints `name = value` for every answer. */
  readonly solve: (slots: Slots, facts: Facts) => readonly SolvingStep[];
  /** Slots that name a numeric column: what a solver in a hurry may mix up. */
  readonly numeric: readonly string[];
  /** What the slots look like to a solver that forgot a constraint. */
  readonly forget?: (slots: Slots) => Slots;
}

/** The text in a slot. */
export function text(slots: Slots, name: string): string {
  return String(value(slots, name));
}

/** The number in a slot. */
export function number(slots: Slots, name: string): number {
  return Number(value(slots, name));
}

/** The names in a list slot. */
export function list(slots: Slots, name: string): readonly string[] {
  return value(slots, name) as readonly string[];
}

function value(slots: Slots, name: string): SlotValue {
  const found = slots[name];
  if (found === undefined) throw new Error(`Expected the slot \`${name}\`, got only ${Object.keys(slots).join(", ")}`);
  return found;
}

/** A Python string literal. */
export const py = (name: string): string => JSON.stringify(name);
/** A Python list of string literals. */
export const pyList = (names: readonly string[]): string => `[${names.map(py).join(", ")}]`;

// --- sentences that several families share

export const rounding = [
  "Round to {#places} decimals.",
  "Report {#places} decimal places.",
  "The result is rounded to {#places} decimals.",
  "Numbers that are not whole carry {#places} decimals.",
  "Give {#places} digits after the decimal point.",
] as const;
export const skipMissing = [
  "Leave out rows in which any of the columns used is missing or cannot be read as its type.",
  "Rows with a missing or unreadable value in a column used are dropped.",
  "Use only rows where all the columns involved have a valid value.",
  "A row counts only if every column that is needed can be read in it.",
  "Where a needed value is absent or malformed, the whole row is ignored.",
] as const;
export const tieByName = [
  "If several tie, take the one whose name comes first alphabetically.",
  "Ties go to the alphabetically first name.",
  "Where two are equal, the name earlier in the alphabet wins.",
] as const;

// --- reference side (pandas)

export const numeric = (column: string): string => `pd.to_numeric(df[${py(column)}], errors="coerce")`;
export const label = (column: string): string =>
  `df[${py(column)}].where(df[${py(column)}].isna(), df[${py(column)}].astype(str))`;
export const date = (column: string): string =>
  `pd.to_datetime(df[${py(column)}], errors="coerce", utc=True).dt.tz_localize(None)`;

// --- solving side (numpy, plain Python)

/** Python that puts a column into the float array `name`, by the route that its dtype asks for. */
export function floats(name: string, column: string, facts: Facts): string {
  const { dtype } = facts.column(column);
  return dtype === "object"
    ? `${name} = pd.to_numeric(df[${py(column)}], errors="coerce").to_numpy(dtype=float)`
    : `${name} = df[${py(column)}].to_numpy(dtype=float)`;
}

/** Python that puts a column into the list `name` of strings, None where missing. */
export function strings(name: string, column: string): string {
  return `${name} = [None if pd.isna(entry) else str(entry) for entry in df[${py(column)}]]`;
}

/** Python that puts a column into the DatetimeIndex `name`, NaT where unreadable. */
export function times(name: string, column: string): string {
  return `${name} = pd.DatetimeIndex(pd.to_datetime(df[${py(column)}], errors="coerce", utc=True))`;
}

/** A remark on a column that follows from what the first look showed. */
export function remark(column: string, facts: Facts): string {
  const { dtype, missing } = facts.column(column);
  const gaps = missing > 0 ? `${missing} missing values, which have to go` : "no missing values";
  return `${py(column)} is ${dtype} with ${gaps}`;
}
