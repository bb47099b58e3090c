import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { checkEndpoint } from "../../src/models/check.ts";

async function check(listener: RequestListener): Promise<string[]> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  try {
    const asked = { alias: "teacher", baseUrl, model: "m", keyFrom: null };
    return await checkEndpoint(
      { baseUrl, key: null, keyHeader: "authorization", cut: (text) => text, headers: {}, asked, fetch },
      new AbortController().signal,
    );
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("a server that only adds a slash is followed, and its models are told", async () => {
  const names = await check((request, response) =>
    request.url === "/v1/models/"
      ? response.end('{"data":[{"id":"a"},{"id":"b"}]}')
      : response.writeHead(307, { location: `${request.url}/` }).end(),
  );
  expect(names).toEqual(["a", "b"]);
});

test("a redirect to a page of another name is taken for a sign-in", async () => {
  const asked = check((_request, response) => response.writeHead(302, { location: "https://sso.example/login" }).end());
  await expect(asked).rejects.toThrow(/redirect \(302\) to https:\/\/sso\.example\/login\. Check `baseUrl`/);
});

test.each(["", "not json", "[1, 2]", '{"data":[{"name":"x"}]}'])(
  "an answer that lists nothing will do: `%s`",
  async (body) => {
    expect(await check((_request, response) => response.end(body))).toEqual([]);
  },
);
