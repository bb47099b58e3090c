// A byte-pair tokenizer trained on a few lines of text, in the files that a model has. Small, and a real one: bytes, merges, special tokens.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const corpus = `You are a data scientist. How many rows does titanic.csv have? Load the file and count.
import pandas as pd
df = pd.read_csv('/data/titanic.csv')
print(len(df)) print(df.head()) print(df.describe())
The mean of the column is 29.7 and the count is 891. So the answer is 891.
<answer>891</answer> <python> </python> <information> </information> [5 messages left]
{"name": "python", "arguments": {"code": "len(df)"}} <tool_call> </tool_call> <think> </think>
NameError: name 'fd' is not defined assistant user system tool`;

const specials = ["<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];
const merges = 300;
// How the pieces are found before bytes are joined: words with the space before them, numbers, marks, spaces.
const pieces = /'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The printable letter that stands for each byte, as byte-level tokenizers write them. */
function lettersOfBytes(): string[] {
  const letters: string[] = [];
  let beyond = 256;
  for (let byte = 0; byte < 256; byte++) {
    const prints = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    letters.push(String.fromCharCode(prints ? byte : beyond++));
  }
  return letters;
}

/** tokenizer.json and tokenizer_config.json, trained anew: the same each time. */
function trained(): { tokenizer: object; config: object } {
  const letters = lettersOfBytes();
  const words = (corpus.match(pieces) ?? []).map((piece) => [...Buffer.from(piece)].map((byte) => letters[byte] ?? ""));
  const vocabulary = [...letters];
  const joined: [string, string][] = [];
  while (joined.length < merges) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (let at = 0; at + 1 < word.length; at++) {
        const pair = `${word[at]} ${word[at + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const best = [...counts].sort(([a, times], [b, others]) => others - times || (a < b ? -1 : 1))[0];
    if (best === undefined || best[1] < 2) break;
    const [left = "", right = ""] = best[0].split(" ");
    joined.push([left, right]);
    if (!vocabulary.includes(left + right)) vocabulary.push(left + right);
    for (const word of words)
      for (let at = 0; at + 1 < word.length; at++)
        if (word[at] === left && word[at + 1] === right) word.splice(at, 2, left + right);
  }
  const ids = Object.fromEntries(vocabulary.map((token, id) => [token, id]));
  const added = specials.map((content, index) => ({
    ...{ id: vocabulary.length + index, content, special: true },
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    tokenizer: {
      version: "1.0",
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: { type: "BPE", vocab: ids, merges: joined.map((pair) => pair.join(" ")) },
    },
    config: { eos_token: "<|im_end|>", tokenizer_class: "PreTrainedTokenizerFast" },
  };
}

const templates = fileURLToPath(new URL("../fixtures/templates", import.meta.url));

/** The path of a template of ours: `marked`, `plain`, `stripping`, `doubling`, `dropping`, `strict`, `everything`. */
export function templatePath(name: string): string {
  return join(templates, `${name}.jinja`);
}

/** Writes the tokenizer into `folder`, with a chat template where one is named. Returns the folder. */
export async function smallTokenizer(folder: string, template?: string): Promise<string> {
  const { tokenizer, config } = trained();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  if (template !== undefined)
    await writeFile(join(folder, "chat_template.jinja"), await readFile(templatePath(template), "utf8"));
  return folder;
}
