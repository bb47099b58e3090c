// @ts-check
// Puts an OpenAI-compatible endpoint in front of any program: what answers is the function `answer`, everything else is the protocol.
import { createServer } from "node:http";

const { PORT = "8807", UPSTREAM = "http://127.0.0.1:8806/v1", MY_ENDPOINT_KEY } = process.env;
if (!MY_ENDPOINT_KEY)
  throw new Error("Expected MY_ENDPOINT_KEY to hold the key that callers have to send, got nothing");

/**
 * The program: messages in, the next message out. Put yours here. This one asks another endpoint (the offline teacher), as a gateway does.
 * @param {{ messages: { role: string, content: string }[] }} request
 * @returns {Promise<string>}
 */
async function answer(request) {
  const response = await fetch(`${UPSTREAM}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, model: "offline-teacher" }),
  });
  if (!response.ok) throw new Error(`${UPSTREAM} answered ${response.status}: ${await response.text()}`);
  const { choices } = /** @type {{ choices: { message: { content: string } }[] }} */ (await response.json());
  return choices[0]?.message.content ?? "";
}

/** About four characters a token; a program with a tokenizer counts with that. @param {string} text */
const tokens = (text) => Math.ceil(text.length / 4);

const server = createServer(async (incoming, outgoing) => {
  /** @param {number} status @param {unknown} body */
  const send = (status, body) => {
    outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  /** @param {number} status @param {string} message */
  const refuse = (status, message) => send(status, { error: { message } });

  if (incoming.headers.authorization !== `Bearer ${MY_ENDPOINT_KEY}`) return refuse(401, "Another key is expected");
  if (incoming.url === "/v1/models") return send(200, { object: "list", data: [{ id: "my-model", object: "model" }] });
  if (incoming.url !== "/v1/chat/completions") return refuse(404, `There is no ${incoming.url}`);
  let body = "";
  for await (const chunk of incoming) body += chunk;
  try {
    const request = JSON.parse(body);
    const content = await answer(request);
    const input = tokens(JSON.stringify(request.messages));
    const output = tokens(content);
    send(200, {
      id: "chatcmpl-1",
      object: "chat.completion",
      created: Math.floor(Date.now() / 1000),
      model: "my-model",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    });
  } catch (error) {
    // 500: Tracemill tries again, and what it cannot get is owed, not lost.
    refuse(500, error instanceof Error ? error.message : String(error));
  }
});
server.listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : PORT}/v1`);
});
