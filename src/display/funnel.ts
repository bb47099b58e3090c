// The funnel: a row for each stage, its bar in proportion to the widest stage.
import { count } from "../audit/text.ts";
import type { StageSnapshot } from "../domain/run-snapshot.ts";
import { bar } from "./bar.ts";
import { cut, type Line, pad, type Style, span, widthOf } from "./line.ts";
import { type Look, type Signs, signsOf } from "./look.ts";
import { short } from "./numbers.ts";

interface Column {
  readonly head: string;
  readonly narrowHead: string;
  /** Shown from this width on. */
  readonly from: number;
  readonly style: Style;
  readonly sign?: keyof Signs;
  value(stage: StageSnapshot): number | null;
}

const columns: readonly Column[] = [
  { head: "in", narrowHead: "in", from: 30, style: "bold", value: (stage) => stage.in },
  { head: "passed", narrowHead: "pass", from: 36, style: "green", sign: "passed", value: (stage) => stage.passed },
  {
    head: "rejected",
    narrowHead: "rej",
    from: 42,
    style: "yellow",
    sign: "rejected",
    value: (stage) => stage.rejected,
  },
  { head: "failed", narrowHead: "fail", from: 48, style: "red", sign: "failed", value: (stage) => stage.failed },
  { head: "working", narrowHead: "now", from: 54, style: "cyan", sign: "underWay", value: (stage) => stage.underWay },
  { head: "waiting", narrowHead: "wait", from: 90, style: "dim", sign: "waiting", value: waitingIn },
  { head: "per min", narrowHead: "/min", from: 70, style: "dim", value: (stage) => stage.perMinute },
];
const wideHeadsFrom = 92;
const signedHeadsFrom = 58;
const narrowestBar = 6;

/** The funnel's heading and rows in `width` columns and at most `rows` lines, heading included; what does not fit is folded into one line. */
export function funnel(
  stages: readonly StageSnapshot[],
  options: { readonly look: Look; readonly width: number; readonly rows: number; readonly head: boolean },
): Line[] {
  const { look, width, head } = options;
  const signs = signsOf(look);
  const { shown, folded } = fold(stages, Math.max(0, options.rows - (head ? 1 : 0)));
  const wide = width >= wideHeadsFrom;
  const used = columns.filter((column) => width >= column.from);
  const number = (value: number) => (wide ? count(value) : short(value));
  const headOf = (column: Column) => {
    const words = wide ? column.head : column.narrowHead;
    // Without colours the head says which sign is whose.
    return !look.colour && width >= signedHeadsFrom && column.sign ? `${signs[column.sign]} ${words}` : words;
  };
  const cellOf = (column: Column, stage: StageSnapshot): Line => {
    const value = column.value(stage);
    if (value === null || (value === 0 && column.head !== "in")) return [span(signs.none, "dim")];
    const text = column.head === "per min" ? short(Math.max(1, value)) : number(value);
    return [span(text, value === 0 ? "dim" : column.style)];
  };
  const cells = shown.map((stage) => used.map((column) => cellOf(column, stage)));
  const widths = used.map((column, index) =>
    Math.max(headOf(column).length, ...cells.map((row) => widthOf(row[index] ?? [])), wide ? 5 : 3),
  );
  const nameWidth = Math.min(Math.max(...stages.map((stage) => stage.stage.length), 5), Math.max(8, width >> 2));
  const barWidth = width - nameWidth - 2 - widths.reduce((sum, each) => sum + each + 2, 0);
  const widest = Math.max(...stages.map((stage) => stage.in), 1);

  const row = (name: Line, drawn: Line, numbers: readonly Line[]): Line => [
    ...pad(cut(name, nameWidth, signs.cut), nameWidth),
    ...(barWidth >= narrowestBar ? [span("  "), ...pad(drawn, barWidth)] : []),
    ...numbers.flatMap((cell, index) => [span("  "), ...pad(cell, widths[index] ?? 0, "left")]),
  ];
  const lines = shown.map((stage, index) => {
    const active = stage.underWay > 0;
    const name = [span(stage.stage, active ? "bold" : stage.in === 0 ? "dim" : undefined)];
    return row(name, stageBar(stage, { signs, widest, width: barWidth }), cells[index] ?? []);
  });
  const heading = row(
    [span("stage", "dim")],
    [],
    used.map((column) => [span(headOf(column), look.colour && column.sign ? column.style : "dim")]),
  );
  const rest = folded > 0 ? [[span(`${signs.cut} ${folded} more stages`, "dim")]] : [];
  return [...(head ? [heading] : []), ...lines, ...rest].map((line) => cut(line, width, signs.cut));
}

function waitingIn(stage: StageSnapshot): number {
  return Math.max(0, stage.pending - stage.underWay);
}

function stageBar(stage: StageSnapshot, options: { signs: Signs; widest: number; width: number }): Line {
  const { signs } = options;
  return bar(
    [
      { amount: stage.passed, sign: signs.passed, style: "green" },
      { amount: stage.rejected, sign: signs.rejected, style: "yellow" },
      { amount: stage.failed, sign: signs.failed, style: "red" },
      { amount: stage.underWay, sign: signs.underWay, style: "cyan" },
      { amount: waitingIn(stage), sign: signs.waiting, style: "dim" },
    ],
    options.widest,
    options.width,
  );
}

/** The stages that matter most now, in the line's order: those at work, then those that hold items, then those reached last. */
function fold(stages: readonly StageSnapshot[], rows: number) {
  if (stages.length <= rows) return { shown: stages, folded: 0 };
  const kept = Math.max(0, rows - 1);
  const weight = (stage: StageSnapshot) => (stage.underWay > 0 ? 3 : stage.pending > 0 ? 2 : stage.in > 0 ? 1 : 0);
  const chosen = new Set(
    stages
      .map((stage, index) => ({ stage, index }))
      .sort((a, b) => weight(b.stage) - weight(a.stage) || b.index - a.index)
      .slice(0, kept)
      .map(({ stage }) => stage),
  );
  return { shown: stages.filter((stage) => chosen.has(stage)), folded: rows > 0 ? stages.length - chosen.size : 0 };
}
