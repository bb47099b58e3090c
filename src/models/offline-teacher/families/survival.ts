import { type Family, number, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded, valueArray, valueSeries } from "../snippets.ts";

/** How many get as far as one mark, and of those to the next. */
export const survival: Family = {
  name: "survival_counts",
  difficulty: "medium",
  wordings: [
    "How many rows reach {#first} in {value}, and what percentage of those also reach {#second}?",
    "Treat {value} as a lifetime. Count the rows still there at {#first} and say which percentage of them is still there at {#second}.",
    "Of the rows whose {value} gets to {#first} (how many are they?), which share in percent goes on to {#second}?",
    "Let a row survive a mark when its {value} is not below it. How many survive {#first}, and how many percent of the survivors survive {#second} too?",
  ],
  constraints: [
    [
      "To reach a mark means to be equal to it or above; rows without a value are left out.",
      "A value equal to the mark counts as reaching it. Missing or unreadable values do not count at all.",
    ],
    rounding,
  ],
  answers: [
    { name: "survivors", written: "is a whole number" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measures(table).flatMap(({ name, quartiles }) => {
        if (quartiles === null || quartiles.some((mark) => /e/.test(String(mark))) || quartiles[0] === quartiles[2])
          return [];
        const [low, middle, high] = quartiles;
        const marks =
          low < middle && middle < high
            ? draw.pick([
                [low, middle],
                [low, high],
                [middle, high],
              ])
            : [low, high];
        return [{ value: name, first: marks[0] ?? low, second: marks[1] ?? high, places: draw.pick([1, 2, 3]) }];
      }),
    ),
  reference: (slots) => `
${valueSeries(slots)}
alive = values[values >= ${number(slots, "first")}]
print(f"@survivors[{len(alive)}] @percent[${rounded(`100 * (alive >= ${number(slots, "second")}).mean()`, slots)}]")`,
  forget: (slots) => ({ ...slots, all: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. How many values are there at all?`,
      code: `${valueArray(slots, facts)}
print("values", len(values), "smallest", values.min(), "largest", values.max())`,
    },
    {
      think: "Those at each mark; the second share is of the survivors of the first, not of all rows.",
      code: `ordered = np.sort(values)
at_first = len(ordered) - int(np.searchsorted(ordered, ${number(slots, "first")}, side="left"))
at_second = len(ordered) - int(np.searchsorted(ordered, ${number(slots, "second")}, side="left"))
print("survivors =", at_first)
print(f"percent = ${rounded(`100 * at_second / ${"all" in slots ? "len(ordered)" : "at_first"}`, slots)}")`,
    },
  ],
};
