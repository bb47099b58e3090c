/** A message in gpt-oss's channels, read apart. `calls` are function calls in the order they stand. */
export interface HarmonyMessage {
  readonly text: string;
  readonly thought: string | null;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

const begins = /^\s*(?:<\|start\|>assistant|<\|channel\|>)/;
const tokens = /<\|(start|channel|constrain|message|end|call|return)\|>/;

/**
 * Reads the channel tokens that some servers leave in the text of gpt-oss: `analysis` is reasoning, `final` is the text, `commentary` to a
 * function is a call and otherwise text. Null for a content that does not begin with such a token: it is text as it stands.
 */
export function readHarmony(content: string): HarmonyMessage | null {
  if (!begins.test(content) || !content.includes("<|message|>")) return null;
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: { name: string; arguments: string }[] = [];
  let header = "";
  // Text and token by turns; the first text is white space.
  const pieces = content.split(tokens).slice(1);
  for (let at = 0; at < pieces.length; at += 2) {
    const [token, said = ""] = pieces.slice(at, at + 2);
    if (token === "start" || token === "channel") {
      header += ` ${said}`;
    } else if (token === "message") {
      const recipient = /to=functions\.(\S+)/.exec(header)?.[1];
      if (recipient !== undefined) calls.push({ name: recipient, arguments: said.trim() });
      else if (/\banalysis\b/.test(header)) thoughts.push(said.trim());
      else texts.push(said);
      header = "";
    } else if (token !== "constrain") {
      header = "";
      if (said.trim() !== "") texts.push(said);
    }
  }
  return { text: texts.join("\n\n"), thought: thoughts.length === 0 ? null : thoughts.join("\n\n"), calls };
}
