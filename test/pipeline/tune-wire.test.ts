// What goes over the wire when a tuning service behaves oddly: redirects, no room, no JSON, prices that are news, long lists of events.
import { describe, expect, test } from "vitest";
import { serveOnLoopback } from "../kit/loopback-server.ts";
import { onTerminal, terminalMissing } from "../kit/terminal-run.ts";
import { serveOpenai } from "../kit/tuning/openai.ts";
import { serveTogether } from "../kit/tuning/together.ts";
import { keyOfTests, tuneFolder } from "../kit/tuning/tune-command.ts";

const model = "base-model";

function at(target: string, file: string, server: { readonly baseUrl: string }, ...words: string[]): string[] {
  return [file, "--target", target, "--model", model, "--base-url", server.baseUrl, "--yes", ...words];
}

describe.concurrent("what is sent, and what is not", () => {
  test("a redirect gets no key: it is told with its place, and nothing arrives there", async () => {
    await using folder = await tuneFolder();
    await using other = await serveOpenai({ flavour: "azure" });
    await using server = await serveOnLoopback(
      async (request, response) => {
        request.resume();
        response.writeHead(307, { location: `${other.baseUrl}${request.url?.replace("/v1", "")}` }).end();
      },
      { closing: new AbortController() },
    );
    const end = await folder.tune(at("azure", await folder.write("azure"), server));
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining(new URL(other.baseUrl).host)]);
    expect(other.arrived).toEqual([]);
  });

  test("no room for a job (429) is waited out, a time that ran out (408) may have made one, and no JSON says nothing", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ statuses: ["succeeded"] });
    const words = at("openai", await folder.write("openai"), server);
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 2, kind: { status: 429, retryAfterSeconds: 0.05 } });
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 1, kind: { status: 408 } });
    const lost = await folder.tune(words);
    expect([lost.code, lost.stderr]).toEqual([3, expect.stringContaining("408")]);
    const creates = server.arrived.filter(({ method, path }) => method === "POST" && path === "/fine_tuning/jobs");
    expect(creates.length).toBe(3);
    expect(await folder.job()).toMatchObject({ asked: true, jobId: null });
    const end = await folder.tune(words);
    expect([end.code, server.jobs.length]).toEqual([0, 1]);

    await using page = await serveOnLoopback(
      async (request, response) => {
        request.resume();
        response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>");
      },
      { closing: new AbortController() },
    );
    const html = await folder.tune(at("openai", await folder.write("openai", 13), page));
    expect([html.code, html.stderr]).toEqual([3, expect.stringContaining("no JSON")]);
  });

  test("Azure that keeps no metadata: the job is found by its file, and one of an earlier attempt is not", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ flavour: "azure", metadata: false, statuses: ["failed"] });
    const words = at("azure", await folder.write("azure"), server);
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 1, kind: "answer_lost" });
    expect((await folder.tune(words)).code).toBe(3);
    const found = await folder.tune(words);
    expect(found.stdout).toContain("ftjob-1 was made before and is found again");
    expect(server.jobs.length).toBe(1);
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 1, kind: { status: 503 } });
    expect((await folder.tune([...words, "--again"])).code).toBe(3);
    const made = await folder.tune(words);
    expect(made.stdout).toContain("no job was made");
    expect(server.jobs.length).toBe(2);
  });

  test("events are read as far as the last that is known, however many there are", async () => {
    await using folder = await tuneFolder();
    const looks = 16;
    await using server = await serveOpenai({ statuses: [...Array(looks - 1).fill("running"), "succeeded"] });
    const end = await folder.tune(at("openai", await folder.write("openai"), server));
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const ids = (await folder.lines("events.jsonl")).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: looks }, (_, index) => `ftevent-ftjob-1-${index}`));
    // Two events a page and one more with each look: read from the start each time these were over sixty.
    const pages = server.arrived.filter(({ path }) => path.endsWith("/events")).length;
    expect(pages).toBeLessThanOrEqual(looks * 2);
  });

  test("Together AI: what the account may not spend is not begun", async () => {
    await using folder = await tuneFolder();
    await using server = await serveTogether({
      price: { estimation_available: true, allowed_to_proceed: false, estimated_total_price: 900, user_limit: 100 },
    });
    const end = await folder.tune(at("together", await folder.write("together"), server));
    expect([end.code, end.stderr]).toEqual([2, expect.stringMatching(/cost \$900 .*limit is \$100/)]);
    expect(server.jobs).toEqual([]);
    expect(await folder.job()).toMatchObject({ asked: false, jobId: null });
  });

  test.skipIf(terminalMissing !== null)("a price that was not known when a person agreed is asked about", async () => {
    await using folder = await tuneFolder();
    await using server = await serveTogether();
    const words = at("together", await folder.write("together"), server).filter((word) => word !== "--yes");
    const answering = async (second: string) => {
      await using run = await onTerminal(["tune", ...words, "--poll-seconds", "0.02", "--output", folder.path], {
        ...{ columns: 200, rows: 40, env: { TOGETHER_API_KEY: keyOfTests } },
      });
      const asked = async (question: string, answer: string) => {
        while (!run.raw().includes(question)) await new Promise((resolve) => setTimeout(resolve, 20));
        run.type(`${answer}\n`);
      };
      await asked("Upload 12 rows", "y");
      await asked("Start the job at $4.25?", second);
      return await run.ended;
    };
    expect([await answering("n"), server.jobs.length]).toEqual([2, 0]);
    expect([await answering("y"), server.jobs.length]).toEqual([0, 1]);
  });
});
