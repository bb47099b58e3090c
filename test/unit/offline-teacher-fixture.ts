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
    { role: "system", content: prompt("propose/system.md", { max_turns: 12 }) },
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
