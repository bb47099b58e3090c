// Compares a CSV that an agent submitted with the reference's, row by row under their keys. Reads text only; runs nothing.
import { z } from "zod";
import type { FileMetric } from "../contracts.ts";
import { quote } from "./measure.ts";
import { readRecords } from "./read-table.ts";
import { finiteNumber, measures, measureTable, needsNumbers, referenceProblem } from "./table-measures.ts";

const maxRows = 5_000_000;
const column = z.string().trim().min(1);
const params = z.strictObject({
  /** The columns that name a row, together. */
  key: z.union([column, z.array(column).min(1).max(8)]).default("id"),
  /** The column that is compared. */
  target: column,
  measure: z.enum(measures).default("accuracy"),
  /** `within` and `exact`: how far a number may be from the reference's, in its unit or as a share of it. */
  absolute: z.number().min(0).default(0),
  relative: z.number().min(0).max(1).default(0),
});
type Params = z.output<typeof params>;

/**
 * A CSV with one row for each key of the reference, in any order, and no other columns. What the agent did wrong is 0 and begins with
 * `invalid_submission`; null only where the reference cannot be measured against.
 */
export const table: FileMetric = {
  name: "table",
  about: "a submitted CSV against a reference CSV, by key: accuracy, within, exact, auc, r2, rmse, mae",
  version: 1,
  async score({ reference, file, read }) {
    const scored = (value: number | null, reason: string) => ({ metric: "table", value, reason });
    const invalid = (why: string) => scored(0, `invalid_submission: ${why}`);
    const parsed = params.safeParse(reference.params);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return scored(null, `Expected usable params, got \`${issue?.path.join(".")}\`: ${issue?.message}`);
    }
    if (reference.file === undefined) return scored(null, "The reference has no file");
    const expected = await keyedCells(await read(reference.file.sha256), parsed.data, null);
    if (typeof expected === "string") return scored(null, `The reference file cannot be used: ${expected}`);
    const unfit = referenceProblem(parsed.data.measure, expected.cells);
    if (unfit !== null) return scored(null, `The reference file cannot be used: ${unfit}`);
    if (file === null) return invalid("no file was asked for");
    if ("refused" in file) return invalid(`${file.refused}: ${file.detail}`);
    const got = await keyedCells(await read(file.sha256), parsed.data, expected.rows);
    if (typeof got === "string") return invalid(got);
    const { value, reason } = measureTable(parsed.data.measure, expected.cells, got.cells, parsed.data);
    return scored(value, reason);
  },
};

interface Cells {
  /** The place in `cells` of each key. */
  readonly rows: ReadonlyMap<string, number>;
  /** The target's cells; a submission's stand in the reference's order. */
  readonly cells: readonly string[];
}

/** Reads a table's target cells by key, in the order of `known` where that is given; or says what is wrong with it. */
async function keyedCells(
  bytes: Uint8Array,
  { key, target, measure }: Params,
  known: Cells["rows"] | null,
): Promise<Cells | string> {
  const keys = typeof key === "string" ? [key] : key;
  const wanted = [...keys, target];
  const rows = known ?? new Map<string, number>();
  const cells: string[] = known === null ? [] : new Array<string>(known.size);
  let order: number[] = [];
  let width = 0;
  let seen = 0;
  const wrong = await readRecords(bytes, (record, number) => {
    if (number === 1) {
      width = record.length;
      order = wanted.map((name) => record.indexOf(name));
      return headerProblem(record, wanted, known !== null);
    }
    if (record.length !== width) return `row ${number - 1} has ${record.length} cells, the header ${width}`;
    const id = keys.map((_, index) => record[order[index] ?? -1] ?? "").join("\0");
    const shown = quote(id.replaceAll("\0", ", "));
    const cell = record[order[keys.length] ?? -1] ?? "";
    let place = rows.get(id);
    if (known === null) {
      if (place !== undefined) return `the key ${shown} stands in two rows`;
      if (seen >= maxRows) return `it has more than ${maxRows} rows`;
      place = seen;
      (rows as Map<string, number>).set(id, place);
    } else {
      if (place === undefined) return `row ${number - 1} has the key ${shown}, which was not asked for`;
      if (cells[place] !== undefined) return `the key ${shown} stands in two rows`;
      if (needsNumbers(measure) && finiteNumber(cell) === null)
        return `expected a number in \`${target}\` for the key ${shown}, got ${quote(cell)}`;
    }
    cells[place] = cell;
    seen += 1;
    return null;
  });
  if (wrong !== null) return wrong;
  if (seen === 0) return "it has no rows below its header";
  if (seen < rows.size)
    return `${rows.size - seen} of ${rows.size} keys have no row, ${firstMissing(rows, cells)} among them`;
  return { rows, cells };
}

/** A reference may have more columns than are compared; a submission has just these. */
function headerProblem(header: readonly string[], wanted: readonly string[], isExact: boolean): string | null {
  const missing = wanted.filter((name) => !header.includes(name));
  const twice = header.find((name, index) => header.indexOf(name) !== index && (isExact || wanted.includes(name)));
  const extra = header.filter((name) => !wanted.includes(name));
  const asked = wanted.map((name) => `\`${name}\``).join(", ");
  if (missing.length > 0) return `expected the columns ${asked}, got none called ${missing.map(quote).join(", ")}`;
  if (twice !== undefined) return `the column ${quote(twice)} stands in the header twice`;
  if (isExact && extra.length > 0) return `expected the columns ${asked} alone, got ${quote(extra[0] ?? "")} besides`;
  return null;
}

function firstMissing(rows: Cells["rows"], cells: readonly (string | undefined)[]): string {
  for (const [id, place] of rows) if (cells[place] === undefined) return quote(id.replaceAll("\0", ", "));
  return "none";
}
