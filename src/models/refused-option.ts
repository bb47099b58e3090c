// Words of servers that refuse a field, and the option that leaves it out. The wordings stand in test/unit/models-endpoint-error.test.ts.

const refuses =
  /unsupported|not (yet )?supported|(does|do)(n't| not) support|unrecogni[sz]ed|unknown (name|parameter|argument|field)|extra[ _](inputs?|fields?|forbidden)|not permitted|is unavailable|cannot both|invalid schema|requires? --|must be passed back|missing a thought|no endpoints found/i;

/** What is named, and what to do about it; the first that is named counts. */
const fields: readonly (readonly [RegExp, (said: string) => string])[] = [
  [
    /thought_?signature/i,
    () => "Choose a scaffold whose actions are text: the thought signatures of tool calls are not kept.",
  ],
  [
    /reasoning_content|reasoning details/i,
    (said) =>
      /passed back|missing/i.test(said) ? "Set `sendsReasoning: reasoning_content`." : "Set `sendsReasoning: none`.",
  ],
  [
    /max_(completion_)?tokens/i,
    (said) =>
      `Set \`maxTokensField: ${/max_(completion_)?tokens/i.exec(said)?.[1] === undefined ? "max_completion_tokens" : "max_tokens"}\`.`,
  ],
  [/parallel[ _]tool[ _]calls/i, () => "Set `refuses: [parallel_tool_calls]`."],
  [
    /response_format|json[ _](schema|mode|object)|structured output/i,
    () => "Set `structuredOutput` to another form: `json_object`, `tool` or `none`.",
  ],
  [/tool_choice/i, () => "Set `refuses: [tool_choice]`, and another `structuredOutput` than `tool`."],
  [
    /\btools?\b|tool[ _-](use|call)|function[ _-]?call/i,
    () =>
      "The model takes no tool calls as it is served: choose a scaffold whose actions are text, or another `structuredOutput` than `tool`; " +
      "a server of your own may need a switch (vLLM `--enable-auto-tool-choice` and `--tool-call-parser`, llama.cpp `--jinja`).",
  ],
  [/temperature/i, (said) => `Set \`refuses: [${/top_p/i.test(said) ? "top_p" : "temperature"}]\`.`],
  [/top_p/i, () => "Set `refuses: [top_p]`."],
  [/random_seed|\bseed\b/i, () => "Leave `sendsSeed` out; where the field has another name, `family` knows it."],
  [
    /["'`]stop["'`]|\bstop[ _](parameter|sequences?|strings?|words?)|(parameter|argument|field)s?[^a-z]{1,4}stop\b/i,
    () => "Set `refuses: [stop]`.",
  ],
];

const tooMany =
  /max_(completion_)?tokens[^.]*(too large|at most|less than or equal|exceeds)|(at most|maximum of) \d+ (completion|output) tokens/i;

/** What to set in the config where an endpoint refuses a field that it names; null where it refuses none, or names none. */
export function refusedOption(status: number, said: string): string | null {
  if (status === 404 ? !/no endpoints found that/i.test(said) : !isRefusal(status, said)) return null;
  if (tooMany.test(said)) return "Lower `maxTokens`, and `maxTokensMost` with it.";
  if (!refuses.test(said)) return null;
  return fields.find(([named]) => named.test(said))?.[1](said) ?? null;
}

function isRefusal(status: number, said: string): boolean {
  // llama.cpp says 500 where it was started without a switch.
  return status === 400 || status === 422 || (status === 500 && /requires? --/.test(said));
}
