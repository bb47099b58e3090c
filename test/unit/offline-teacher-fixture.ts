// What the line would send to a model, made from the package's own prompts, and outputs as a sandbox would show them.
import { readFileSync } from "node:fs";
import type { ChatMessage, ErrorKind, ErrorRates } from "../../src/models/offline-teacher/conversation.ts";
import { errorKinds } from "../../src/models/offline-teacher/conversation.ts";

/** Rates that are zero but for those named. */
export function onlyErrors(rates: Partial<Record<ErrorKind, number>> = {}): ErrorRates {
  return Object.fromEntries(errorKinds.map((kind) => [kind, rates[kind] ?? 0])) as ErrorRates;
}

export function prompt(path: string, values: Readonly<Record<string, string | number>>): string {
  const text = readFileSync(new URL(`../../prompts/${path}`, import.meta.url), "utf8").trimEnd();
  return text.replace(/\{\{(\w+)\}\}/g, (_whole, name: string) => String(values[name]));
}

export function seedMessages(profile: string, count: number, exploration = 1): ChatMessage[] {
  return [
    { role: "system", content: prompt("propose/react.md", { max_turns: 12 }) },
    { role: "user", content: prompt("propose/seed.md", { profile, exploration, count }) },
  ];
}

export interface AskedQuestion {
  readonly question: string;
  readonly constraints: string;
  readonly answer_format: string;
}

export function taskMessages(file: string, asked: AskedQuestion, maxTurns = 10): ChatMessage[] {
  return [
    { role: "system", content: prompt("agent/react.md", { max_turns: maxTurns }) },
    { role: "user", content: prompt("agent/task.md", { files: `- ${file}`, context: "", ...asked }) },
  ];
}

export function recordMessages(task: string, record: string): ChatMessage[] {
  const criteria = ["clarity", "feasibility", "educational_value", "execution", "answer_quality", "alignment"];
  return [
    {
      role: "system",
      content: prompt("judge/system.md", { criteria: criteria.map((name) => `- ${name}: as it says`).join("\n") }),
    },
    { role: "user", content: prompt("judge/record.md", { task, record }) },
  ];
}

export function observed(output: string): ChatMessage {
  return { role: "user", content: `<information>\n${output}\n</information>` };
}

export function said(text: string): ChatMessage {
  return { role: "assistant", content: text };
}

/** The text inside the last `<answer>`; null where there is none. */
export function answerIn(text: string): string | null {
  return /<answer>\n?([\s\S]*?)\n?<\/answer>/.exec(text)?.[1] ?? null;
}

/** The code in a message; null where there is none. */
export function codeIn(text: string): string | null {
  const code = /<python>\n([\s\S]*?)\n<\/python>/.exec(text)?.[1] ?? null;
  return code === null ? null : code.replace(/^```python\n|\n```$/g, "");
}

export const carsProfile = `/data/cars.json (JSON, 406 rows, 6 columns)
- "Name" text, 311 distinct; examples: "chevrolet chevelle malibu", "buick skylark 320"
- "Miles_per_Gallon" number, 129 distinct, 8 missing; min 9, quartiles 17.5 / 23 / 29, max 46.6, mean 23.5146
- "Horsepower" number, 93 distinct, 6 missing; min 46, quartiles 75.75 / 95 / 130, max 230, mean 105.083
- "Cylinders" integer, 5 distinct; min 3, quartiles 4 / 4 / 8, max 8, mean 5.475; top: "4" (207), "8" (108), "6" (84)
- "Year" date, 12 distinct; min 1970-01-01, max 1982-01-01
- "Origin" category, 3 distinct; top: "USA" (254), "Japan" (79), "Europe" (73)`;

export const skewnessQuestion: AskedQuestion = {
  question: 'What is the skewness of "Horsepower"?',
  constraints:
    "Use the uncorrected (population) Fisher-Pearson coefficient. Missing values are ignored. Round to 2 decimals.",
  answer_format: "@skewness[value] where skewness is rounded to 2 decimals",
};

export const lookOutput = `(406, 3)
'Name' object missing 0 e.g. ['chevrolet chevelle malibu', 'buick skylark 320']
'Miles_per_Gallon' float64 missing 8 e.g. ['18.0', '15.0']
'Horsepower' float64 missing 6 e.g. ['130.0', '165.0']`;

/** A workshop's orders and customers: two files that join, amounts written as text, dates over three years. */
export const shopProfile = `/data/customers.csv (CSV, 40 rows, 3 columns)
- "id" integer, 40 distinct; min 1, quartiles 10.75 / 20.5 / 30.25, max 40, mean 20.5
- "Region" category, 4 distinct; top: "North" (10), "East" (10), "South" (10), "West" (10)
- "Name" text, 40 distinct; examples: "Ada  Byron", "alan Turing ", "Grace Hopper"

/data/orders.csv (CSV, 300 rows, 7 columns)
- "order_id" id, 300 distinct; examples: "A-0001", "A-0002", "A-0003"
- "customer_id" integer, 36 distinct; min 1, quartiles 9 / 18 / 27, max 36, mean 18.2
- "Amount" money as text, 300 distinct; min -120.5, quartiles 300 / 700 / 1100, max 1499, mean 705; examples: "$1,234.50", "($120.50)", "$77.00"
- "Weight" number, 280 distinct; min 0.5, quartiles 20 / 40 / 60, max 80, mean 40.1
- "Fee" money, 150 distinct, 12 missing; min 1.5, quartiles 5 / 9 / 14, max 20, mean 9.4
- "Channel" category, 3 distinct; top: "Web" (140), "Shop" (100), "Phone" (60); examples: "Web", "Shop", "Phone"
- "Date" date, 250 distinct; min 2019-01-02, max 2021-12-28; examples: "2019-01-02", "2019-01-05", "2019-01-09"

Likely keys and joins:
- "/data/customers.csv" key: "id"
- "/data/orders.csv" key: "order_id"
- "/data/orders.csv" "customer_id" joins "/data/customers.csv" "id": many to one, 100 % of values found`;

/** Tables that between them have something for every family. */
export const richProfiles: readonly string[] = [
  carsProfile
    .replace(
      '"Year" date',
      '"Acceleration" number, 96 distinct; min 8, quartiles 13 / 15 / 17, max 24.8, mean 15.5\n- "Weight" number, 90 distinct; min 1613, max 5140\n- "Year" date',
    )
    .replace(
      '"Origin" category, 3',
      '"Maker" category, 9 distinct; top: "ford" (50), "amc" (28)\n- "Origin" category, 3',
    ),
  shopProfile,
];
