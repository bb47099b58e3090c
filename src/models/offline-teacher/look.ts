import type { Facts } from "./family.ts";
import type { Slots } from "./grammar.ts";
import { loadForSolving } from "./loading.ts";

/** Python that reads the file and shows its columns. */
export function lookCode(file: string, slots: Slots | null): string {
  const named = Object.values(slots ?? {}).flatMap((value) => (typeof value === "number" ? [] : value));
  return `${loadForSolving(file)}
print(df.shape)
for name in df.columns:
    print(repr(str(name)), df[name].dtype, "missing", int(df[name].isna().sum()), "e.g.", df[name].dropna().head(2).astype(str).tolist())
${named.length > 0 ? "print(df.head(3).to_string(max_colwidth=24))" : "print(df.describe().to_string())"}`;
}

/** What the first look showed. `examples` are values of any column. */
export interface LookFacts extends Facts {
  readonly names: readonly string[];
  readonly numericNames: readonly string[];
  readonly examples: readonly string[];
}

/** Reads the output of `lookCode`. */
export function readFacts(observation: string): LookFacts {
  const lines = [...observation.matchAll(/^(['"])(.*?)\1 (\S+) missing (\d+) e\.g\. \[(.*)\]$/gm)];
  const columns = new Map(
    lines.map(([, , name = "", dtype = "object", missing]) => [name, { dtype, missing: Number(missing) }]),
  );
  return {
    column: (name) => columns.get(name) ?? { dtype: "object", missing: 0 },
    names: [...columns.keys()],
    numericNames: [...columns].filter(([, { dtype }]) => /^(float|int)/.test(dtype)).map(([name]) => name),
    examples: lines.flatMap(([, , , , , shown = ""]) =>
      [...shown.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? ""),
    ),
  };
}
