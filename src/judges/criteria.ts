/** One thing a judge scores, with the words it is told. */
export interface Criterion {
  /** snake_case; the key of the verdict's mean. */
  readonly name: string;
  readonly description: string;
}

/** The default rubric: the question, the way, the answer. */
export const criteria: readonly Criterion[] = [
  { name: "clarity", description: "the question is unambiguous, with one defensible reading" },
  { name: "feasibility", description: "it can be answered from the given data with ordinary tools" },
  { name: "educational_value", description: "solving it shows a skill worth learning" },
  { name: "execution", description: "the code ran, errors were repaired, no step is wasted or faked" },
  {
    name: "answer_quality",
    description: "the answer is right as far as the outputs show, complete, and in the requested format",
  },
  { name: "alignment", description: "the method and the answer address the question and its constraints" },
];
