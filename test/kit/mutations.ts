// What may go wrong with a file between the export and the service, and the rule of each target that tells it.
// A new target joins with a line in `framing` and its rule in the rows of `rowMutations` that concern it.

// biome-ignore-all lint/suspicious/noAssignInExpressions: a mutation is an assignment
// biome-ignore lint/suspicious/noExplicitAny: rows are whatever a format writes, and are to be broken
export type Row = any;

/** The rule of each target for "UTF-8, a JSON object a line". */
export const framing: Readonly<Record<string, string>> = {
  "chat-jsonl": "OA-R1",
  openai: "OA-R1",
  "openai-dpo": "OA-R1",
  "openai-rft": "OA-R1",
  azure: "OA-R1",
  "azure-dpo": "OA-R1",
  together: "TG-R1",
  "together-instruction": "TG-R1",
  "together-preference": "TG-R1",
  fireworks: "FW-R1",
  "fireworks-dpo": "FW-R1",
  mistral: "MI-R1",
  trl: "TR-R1",
  "trl-steps": "TR-R1",
  "trl-preference": "TR-R1",
  "trl-kto": "TR-R1",
  "trl-stepwise": "TR-R1",
  "llama-factory": "LF-R2",
  "llama-factory-steps": "LF-R2",
  "llama-factory-preference": "LF-R2",
  "llama-factory-kto": "LF-R2",
  axolotl: "AX-R1",
  "ms-swift": "SW-R2",
  "ms-swift-preference": "SW-R2",
  "ms-swift-kto": "SW-R2",
  "nemo-rl": "NM-R1",
  "nemo-rl-steps": "NM-R1",
  preference: "PR-R1",
  kto: "PR-R1",
  "rl-tasks": "PR-R1",
  "step-labels": "PR-R1",
  batch: "BA-R2",
};

/** Breaks a line's text, whatever it says. */
export const lineMutations: Readonly<Record<string, (line: string) => string | Buffer>> = {
  "a line cut short": (line) => line.slice(0, -1),
  "two objects on a line": (line) => `${line}${line}`,
  "an object in a list": (line) => `[${line}]`,
  "a blank line before": (line) => `\n${line}`,
  CRLF: (line) => `${line}\r`,
  "a byte that is no UTF-8": (line) =>
    Buffer.concat([Buffer.from(line.slice(0, -1)), Buffer.from([0xff]), Buffer.from("}")]),
  "a key in single quotes": (line) => line.replace(/"(\w+)":/, "'$1':"),
};

/** Changes a line's text and nothing that it says: never told. */
export const harmlessMutations: Readonly<Record<string, (line: string) => string>> = {
  "the same": (line) => line,
  "keys in another order": (line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse())),
  "letters escaped": (line) =>
    line.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
  "spaces at the end": (line) => `${line}  `,
};

const spoken = (row: Row): Row[] => row.messages ?? [];
const find = (row: Row, role: string): Row | undefined => spoken(row).find((message) => message.role === role);
const caller = (row: Row): Row | undefined => spoken(row).find((message) => message.tool_calls !== undefined);
const on = (message: Row | undefined, change: (message: Row) => void): boolean => {
  if (message === undefined) return false;
  change(message);
  return true;
};
const always = (change: (row: Row) => void) => (row: Row) => on(row, change);
const everyChat = {
  "chat-jsonl": "OA-R7",
  openai: "OA-R7",
  azure: "OA-R7",
  together: "TG-R8",
  fireworks: "FW-R3",
  mistral: "MI-R6",
};

/** What is done to a row (false: not to this one), and the rule that each target tells it under. */
export interface RowMutation {
  readonly what: string;
  readonly change: (row: Row) => boolean;
  readonly rules: Readonly<Record<string, string>>;
}

const mutation = (what: string, change: RowMutation["change"], rules: RowMutation["rules"]): RowMutation => ({
  what,
  change,
  rules,
});

export const rowMutations: readonly RowMutation[] = [
  mutation(
    "an extra column",
    always((row) => (row.extra = 1)),
    {
      ...{ "chat-jsonl": "OA-R4", openai: "OA-R4", azure: "OA-R4", "openai-dpo": "OA-R4", "azure-dpo": "OA-R4" },
      ...{ together: "TG-R4", "together-instruction": "TG-R4", "together-preference": "TG-R4" },
      ...{ "fireworks-dpo": "FW-R9", mistral: "MI-R1" },
    },
  ),
  mutation(
    "another format's column",
    always((row) => (row.text = "raw")),
    {
      ...{ "chat-jsonl": "TG-R4", openai: "OA-R4", together: "TG-R4", "together-instruction": "TG-R4", trl: "TR-R1" },
    },
  ),
  mutation("no messages", (row) => "messages" in row && delete row.messages, {
    ...{
      "chat-jsonl": "OA-R5",
      openai: "OA-R5",
      azure: "OA-R5",
      together: "TG-R4",
      fireworks: "FW-R2",
      mistral: "MI-R1",
    },
    ...{ "openai-rft": "OA-R12", axolotl: "AX-R1", trl: "TR-R1", "nemo-rl": "NM-R1", "ms-swift": "SW-R2" },
  }),
  mutation("an empty list of messages", (row) => "messages" in row && on(row, () => (row.messages = [])), {
    ...{
      openai: "OA-R5",
      azure: "OA-R5",
      together: "TG-R5",
      fireworks: "FW-R2",
      mistral: "MI-R1",
      "openai-rft": "OA-R12",
    },
    ...{ axolotl: "AX-R1", "ms-swift": "SW-R2" },
  }),
  mutation("a message that is text", (row) => "messages" in row && on(row, () => (row.messages[0] = "hello")), {
    ...{
      openai: "OA-R5",
      azure: "OA-R5",
      together: "TG-R5",
      fireworks: "FW-R2",
      mistral: "MI-R1",
      "openai-rft": "OA-R12",
    },
    ...{ axolotl: "AX-R1", trl: "TR-R1", "nemo-rl": "NM-R1", "ms-swift": "SW-R2" },
  }),
  mutation("the role developer", (row) => on(find(row, "user"), (message) => (message.role = "developer")), {
    ...{
      "chat-jsonl": "OA-R5",
      openai: "OA-R5",
      azure: "OA-R5",
      together: "TG-R5",
      fireworks: "FW-R2",
      mistral: "MI-R1",
    },
    "ms-swift": "SW-R2",
  }),
  mutation(
    "the role system for a reinforcement prompt",
    (row) => on(row.messages?.[0], (message) => (message.role = "system")),
    {
      "openai-rft": "OA-R12",
    },
  ),
  mutation("an unknown key of a message", (row) => on(find(row, "user"), (message) => (message.mood = "good")), {
    ...{ "chat-jsonl": "OA-R5", openai: "OA-R5", azure: "OA-R5" },
  }),
  mutation("content null", (row) => on(find(row, "user"), (message) => (message.content = null)), {
    ...{ openai: "OA-R6", azure: "OA-R6", together: "TG-R5", axolotl: "AX-R5", "ms-swift": "SW-R2" },
  }),
  mutation(
    "a part of sound",
    (row) => on(find(row, "user"), (message) => (message.content = [{ type: "input_audio" }])),
    {
      ...{ openai: "OA-R13", azure: "OA-R13", together: "TG-R5" },
    },
  ),
  mutation(
    "a picture on one line",
    (row) =>
      on(
        find(row, "user"),
        (message) => (message.content = [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }]),
      ),
    { together: "TG-R11" },
  ),
  mutation("weight on a question", (row) => on(find(row, "user"), (message) => (message.weight = 1)), everyChat),
  mutation("weight 0.5", (row) => on(find(row, "assistant"), (message) => (message.weight = 0.5)), everyChat),
  mutation("weight as text", (row) => on(find(row, "assistant"), (message) => (message.weight = "1")), everyChat),
  mutation("weight true", (row) => on(find(row, "assistant"), (message) => (message.weight = true)), everyChat),
  mutation(
    "no weight above 0",
    (row) =>
      on(find(row, "assistant"), () => {
        for (const message of spoken(row)) if (message.role === "assistant") message.weight = 0;
      }),
    { "chat-jsonl": "OA-R5", openai: "OA-R5", azure: "OA-R5" },
  ),
  mutation(
    "the example's own weight on one line",
    always((row) => (row.weight = 1)),
    {
      ...{ openai: "OA-R4", fireworks: "FW-R4", mistral: "MI-R1" },
    },
  ),
  mutation(
    "the example's own weight below 0",
    always((row) => (row.weight = -1)),
    { together: "TG-R9" },
  ),
  mutation("a question last", (row) => "messages" in row && on(row, () => row.messages.pop()), {
    ...{ azure: "AZ-R5", mistral: "MI-R4", "nemo-rl": "NM-R2", "openai-rft": "OA-R12" },
  }),
  mutation(
    "no assistant message",
    (row) => on(row.messages, () => (row.messages = [{ role: "user", content: "Why?" }])),
    {
      ...{ "chat-jsonl": "TG-R7", openai: "OA-R5", together: "TG-R7", mistral: "MI-R4" },
    },
  ),
  mutation(
    "a message twice",
    (row) => on(find(row, "user"), (message) => row.messages.splice(row.messages.indexOf(message), 0, { ...message })),
    {
      ...{ "chat-jsonl": "TG-R6", together: "TG-R6" },
    },
  ),
  mutation(
    "a system prompt in the middle",
    (row) => on(row.messages, () => row.messages.splice(1, 0, { role: "system", content: "Wait." })),
    {
      fireworks: "FW-R2",
    },
  ),
  mutation(
    "an answer that is missing",
    (row) => on(find(row, "tool"), (message) => row.messages.splice(row.messages.indexOf(message), 1)),
    {
      ...{ "chat-jsonl": "OA-R9", openai: "OA-R9", azure: "OA-R9", mistral: "MI-R3" },
    },
  ),
  mutation(
    "an answer to another call",
    (row) => on(find(row, "tool"), (message) => (message.tool_call_id = "elsewhere")),
    {
      ...{ "chat-jsonl": "OA-R9", openai: "OA-R9", azure: "OA-R9", mistral: "MI-R3" },
    },
  ),
  mutation(
    "arguments as an object",
    (row) => on(caller(row), (message) => (message.tool_calls[0].function.arguments = { code: "1" })),
    {
      ...{ "chat-jsonl": "OA-R8", openai: "OA-R8", azure: "OA-R8", mistral: "MI-R5" },
    },
  ),
  mutation(
    "arguments as text of a list",
    (row) => on(caller(row), (message) => (message.tool_calls[0].function.arguments = "[]")),
    {
      ...{
        "chat-jsonl": "OA-R8",
        openai: "OA-R8",
        azure: "OA-R8",
        mistral: "MI-R5",
        axolotl: "AX-R2",
        trl: "TR-R2",
        "nemo-rl": "NM-R3",
      },
    },
  ),
  mutation(
    "a function that was not offered",
    (row) => on(caller(row), (message) => (message.tool_calls[0].function.name = "bash")),
    {
      ...{ "chat-jsonl": "OA-R8", openai: "OA-R8", azure: "OA-R8" },
    },
  ),
  mutation("a call without its id", (row) => on(caller(row), (message) => delete message.tool_calls[0].id), {
    ...{ openai: "OA-R8", azure: "OA-R8", mistral: "MI-R2" },
  }),
  mutation("text beside a call", (row) => on(caller(row), (message) => (message.content = "Let me see.")), {
    mistral: "MI-R5",
  }),
  mutation(
    "loss before the last answer, and nothing said of thinking",
    (row) => {
      const assistants = spoken(row).filter((message) => message.role === "assistant");
      return assistants.length > 1 && on(assistants[0], (message) => (message.weight = 1));
    },
    { "together --reasoning": "TG-R13" },
  ),

  mutation("no completion", (row) => delete row.completion, { "together-instruction": "TG-R4", "trl-steps": "TR-R1" }),
  mutation("no input", (row) => delete row.input, {
    ...{ "openai-dpo": "OA-R4", "azure-dpo": "OA-R4", "together-preference": "TG-R4", "fireworks-dpo": "FW-R9" },
  }),
  mutation("no second output", (row) => delete row.non_preferred_output, {
    ...{ "openai-dpo": "OA-R4", "azure-dpo": "OA-R4", "together-preference": "TG-R4", "fireworks-dpo": "FW-R9" },
  }),
  mutation("an output of two messages", (row) => on(row.preferred_output, (output) => output.push({ ...output[0] })), {
    ...{ "openai-dpo": "OA-R11", "together-preference": "TG-R10", "fireworks-dpo": "FW-R9" },
  }),
  mutation("an output of the user's", (row) => on(row.preferred_output, (output) => (output[0].role = "user")), {
    ...{ "openai-dpo": "OA-R11", "azure-dpo": "AZ-R6", "together-preference": "TG-R10", "fireworks-dpo": "FW-R9" },
  }),
  mutation("an empty output", (row) => on(row.preferred_output, () => (row.preferred_output = [])), {
    ...{ "openai-dpo": "OA-R11", "azure-dpo": "AZ-R6", "together-preference": "TG-R10", "fireworks-dpo": "FW-R9" },
  }),
  mutation(
    "an input that ends with an answer",
    (row) => on(row.input, (input) => input.messages.push({ role: "assistant", content: "1" })),
    {
      ...{ "openai-dpo": "OA-R11", "azure-dpo": "AZ-R6", "together-preference": "TG-R10", "fireworks-dpo": "FW-R9" },
    },
  ),

  mutation("no id of the request", (row) => delete row.custom_id, { batch: "BA-R1" }),
  mutation(
    "an id that is too long",
    always((row) => (row.custom_id = "x".repeat(65))),
    { batch: "BA-R1" },
  ),
  mutation(
    "an id that another has",
    always((row) => (row.custom_id = "task-0")),
    { batch: "BA-R1" },
  ),
  mutation(
    "another model",
    always((row) => (row.body.model = "large")),
    { batch: "BA-R3" },
  ),
  mutation(
    "another url",
    always((row) => (row.url = "/v1/embeddings")),
    { batch: "BA-R3" },
  ),
  mutation(
    "no body",
    always((row) => (row.body = "hello")),
    { batch: "BA-R3" },
  ),
  mutation(
    "streaming",
    always((row) => (row.body.stream = true)),
    { batch: "BA-R4" },
  ),

  mutation(
    "a flag on a message that TRL would ignore",
    (row) => on(find(row, "assistant"), (message) => (message.weight = 0)),
    { trl: "TR-R7" },
  ),
  mutation("a completion of the user's", (row) => on(row.completion, (said) => (said[0].role = "user")), {
    "trl-steps": "TR-R6",
  }),
  mutation(
    "functions that are no list",
    always((row) => (row.tools = "{}")),
    {
      ...{ trl: "TR-R2", "llama-factory": "LF-R4", "ms-swift": "SW-R2" },
    },
  ),
  mutation("no flag on a message", (row) => on(find(row, "user"), (message) => delete message.train), {
    axolotl: "AX-R1",
  }),
  mutation("loss on a question", (row) => on(find(row, "user"), (message) => (message.train = message.loss = true)), {
    ...{ axolotl: "AX-R1", "ms-swift": "SW-R1" },
  }),
  mutation("a turn that is missing", (row) => on(row.conversations, (turns) => turns.shift()), {
    ...{ "llama-factory": "LF-R2", "llama-factory-steps": "LF-R2", "llama-factory-preference": "LF-R2" },
  }),
  mutation("a label that is a number", (row) => "label" in row && on(row, () => (row.label = 1)), {
    ...{ "trl-kto": "TR-R1", "llama-factory-kto": "LF-R2", "ms-swift-kto": "SW-R5", kto: "PR-R1" },
  }),
  mutation(
    "a column of our own that is missing",
    always((row) => delete row.group),
    {
      ...{ preference: "PR-R1", kto: "PR-R1", "rl-tasks": "PR-R1", "step-labels": "PR-R1" },
    },
  ),
  mutation("a label too few", (row) => on(row.labels, (labels) => labels.pop()), { "trl-stepwise": "TR-R1" }),
];
