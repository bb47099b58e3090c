// Steps off the straight way: first ideas that the output proves wrong, and checks. What is said afterwards depends on what was printed.
import type { Draw } from "./draw.ts";
import { py } from "./family.ts";
import type { Slots } from "./grammar.ts";
import type { LookFacts } from "./look.ts";
import type { KnownQuestion } from "./question.ts";

/** A step with a remark on its output, which opens the next thought. */
export interface Detour {
  readonly think: string;
  readonly code: string;
  readonly remark: (output: string) => string;
}

type Idea = (known: KnownQuestion, facts: LookFacts) => Detour | null;

/** Up to `most` detours that suit the question and the data, in the order they are taken. */
export function drawDetours(known: KnownQuestion, facts: LookFacts, most: number, draw: Draw): readonly Detour[] {
  const wanted = Math.min(most, draw.pick([0, 0, 0, 1, 1, 1, 1, 2, 2, 3]));
  return draw
    .shuffle(ideas)
    .flatMap((idea) => idea(known, facts) ?? [])
    .slice(0, wanted);
}

const plainMean: Idea = ({ family, slots }, facts) => {
  const column = named(slots, family.numeric).find((name) => {
    const { dtype, missing } = facts.column(name);
    return missing > 0 && dtype.startsWith("float");
  });
  return column === undefined
    ? null
    : {
        think: `To get a feel for ${py(column)}: its plain mean.`,
        code: `print("mean:", df[${py(column)}].to_numpy(dtype=float).mean())`,
        remark: (output) =>
          /\bnan\b/.test(output)
            ? "That is nan: numpy does not pass over gaps, so they have to go before anything is computed."
            : "The gaps do not get in the way.",
      };
};

const asNumbers: Idea = ({ family, slots }, facts) => {
  const column = named(slots, family.numeric).find((name) => facts.column(name).dtype === "object");
  return column === undefined
    ? null
    : {
        think: `${py(column)} was read as text. Can its entries be read as numbers?`,
        code: `print(int(pd.to_numeric(df[${py(column)}], errors="coerce").notna().sum()), "of", int(df[${py(column)}].notna().sum()), "entries are numbers")`,
        remark: (output) => {
          const [read = 0, all = 0] = (output.match(/\d+/g) ?? []).map(Number);
          return read < all
            ? `${all - read} entries are no numbers and cannot be used.`
            : "All of them can, so converting the column is enough.";
        },
      };
};

const dateForm: Idea = ({ slots }, facts) => {
  const column = [slots.date, slots.form === "dates" ? slots.time : undefined].find((name) => name !== undefined);
  return typeof column !== "string" || facts.column(column).dtype !== "object"
    ? null
    : {
        think: `I assume that ${py(column)} is written day first, as in 31/12/1999, and test that.`,
        code: `parsed = pd.to_datetime(df[${py(column)}], format="%d/%m/%Y", errors="coerce")
print(int(parsed.notna().sum()), "of", int(df[${py(column)}].notna().sum()), "entries have that form; some of them:", df[${py(column)}].dropna().astype(str).head(3).tolist())`,
        remark: (output) => {
          const [read = 0, all = 0] = (output.match(/\d+/g) ?? []).map(Number);
          if (read === 0)
            return "None has that form, so my assumption was wrong; the entries shown say how they are written, and pandas can tell.";
          return read < all
            ? "Only some have that form, so it must not be forced on the rest."
            : "All entries have that form.";
        },
      };
};

const spelling: Idea = ({ slots, filter }) => {
  const asked = [
    ...filter.flatMap(({ form, slots: { column, level } }) => (form === "is" ? [{ column, level }] : [])),
    { column: slots.group, level: slots.level ?? slots.first },
  ].find(
    ({ column, level }) => typeof column === "string" && typeof level === "string" && level !== level.toLowerCase(),
  );
  if (typeof asked?.column !== "string" || typeof asked.level !== "string") return null;
  const { column, level } = asked;
  return {
    think: `How many rows belong to ${level}? I look for it in lower case.`,
    code: `names = df[${py(column)}].astype(str)
print(int((names == ${py(level.toLowerCase())}).sum()), "rows in lower case;", int((names == ${py(level)}).sum()), "as the question writes it")`,
    remark: (output) =>
      /^0 rows/m.test(output)
        ? "None in lower case: names have to be compared exactly as the question writes them."
        : "Both spellings occur, and only the one in the question is meant.",
  };
};

const repeatedRows: Idea = () => ({
  think: "Do rows repeat? That would matter for counts and means.",
  code: `print("repeated rows:", int(df.astype(str).duplicated().sum()), "of", len(df))`,
  remark: (output) => {
    const repeated = Number(/repeated rows: (\d+)/.exec(output)?.[1] ?? 0);
    return repeated > 0
      ? `${repeated} rows repeat an earlier one, but the question does not ask to drop them, so they stay.`
      : "No row stands there twice.";
  },
});

const range: Idea = ({ family, slots }, facts) => {
  const column = named(slots, family.numeric).find((name) => /^(int|float)/.test(facts.column(name).dtype));
  return column === undefined
    ? null
    : {
        think: `Is the range of ${py(column)} plausible, or are there placeholders such as -999?`,
        code: `print(df[${py(column)}].describe().to_string())\nprint("negative:", int((df[${py(column)}] < 0).sum()))`,
        remark: (output) => {
          const negative = Number(/negative: (\d+)/.exec(output)?.[1] ?? 0);
          return negative > 0
            ? `${negative} values are negative; nothing in the question rules them out.`
            : "No negative values, so nothing looks like a placeholder.";
        },
      };
};

const groupSizes: Idea = ({ slots }) => {
  const column = slots.group ?? slots.a;
  if (typeof column !== "string" || "other" in slots) return null;
  const least = Number(slots.least ?? 1);
  return {
    think: `How large are the groups of ${py(column)}?`,
    code: `sizes = df[${py(column)}].value_counts()\nprint(len(sizes), "groups; largest", sizes.head(3).to_dict(), "smallest", sizes.tail(3).to_dict())\nprint("smallest size:", int(sizes.min()))`,
    remark: (output) => {
      const smallest = Number(/smallest size: (\d+)/.exec(output)?.[1] ?? 0);
      return smallest < least
        ? `The smallest group has ${smallest} rows, fewer than the ${least} asked for, so the limit will matter.`
        : `Even the smallest group has ${smallest} rows.`;
    },
  };
};

const inOrder: Idea = ({ slots }) =>
  typeof slots.date !== "string"
    ? null
    : {
        think: `Are the rows in the order of ${py(slots.date)} already?`,
        code: `when = pd.to_datetime(df[${py(slots.date)}], errors="coerce", utc=True)\nprint("in order:", bool(when.dropna().is_monotonic_increasing), "different dates:", when.nunique(), "unreadable:", int(when.isna().sum()))`,
        remark: (output) =>
          /in order: False/.test(output)
            ? "They are not, so I must not rely on the order of the file."
            : "They are, but I sort all the same where the order matters.",
      };

const ideas: readonly Idea[] = [
  plainMean,
  plainMean,
  asNumbers,
  dateForm,
  spelling,
  repeatedRows,
  range,
  groupSizes,
  inOrder,
];

function named(slots: Slots, names: readonly string[]): string[] {
  return names.flatMap((name) => (typeof slots[name] === "string" ? [slots[name]] : []));
}
