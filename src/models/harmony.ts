/** A message in gpt-oss's channels, read apart. `calls` are function calls in the order they stand. */
export interface HarmonyMessage {
  readonly text: string;
  readonly thought: string | null;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

const begins = /^\s*(?:<\|start\|>assistant)?(?:<\|channel\|>|\s+to=functions\.)/;
const part =
  /(?:<\|start\|>assistant)?([^<]*)(?:<\|channel\|>([^<]*))?((?:<\|constrain\|>[^<]*)?)<\|message\|>([\s\S]*?)(?=<\|end\|>|<\|call\|>|<\|return\|>|<\|start\|>|<\|channel\|>|$)(?:<\|end\|>|<\|call\|>|<\|return\|>)?/g;

/**
 * Reads the channel tokens that some servers leave in the text of gpt-oss: `analysis` is reasoning, `final` is the text, `commentary` to a
 * function is a call and otherwise text. Null for a content that does not begin with such a token: it is text as it stands.
 */
export function readHarmony(content: string): HarmonyMessage | null {
  if (!begins.test(content) || !content.includes("<|message|>")) return null;
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: { name: string; arguments: string }[] = [];
  for (const [, before = "", channelHeader = "", , body = ""] of content.matchAll(part)) {
    const header = `${before} ${channelHeader}`;
    const recipient = /to=functions\.(\S+)/.exec(header)?.[1];
    const channel = /analysis|commentary|final/.exec(channelHeader)?.[0] ?? "final";
    if (recipient !== undefined) calls.push({ name: recipient, arguments: body.trim() });
    else if (channel === "analysis") thoughts.push(body.trim());
    else texts.push(body);
  }
  return {
    text: texts.join("\n\n"),
    thought: thoughts.length === 0 ? null : thoughts.join("\n\n"),
    calls,
  };
}
