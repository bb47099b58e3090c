import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tracemill } from "../kit/cli.ts";
import { smallRun } from "../kit/small-run.ts";

const endpoint = (baseUrl: string, more: object = {}) => ({
  provider: "openai-compatible",
  baseUrl,
  model: "some-model",
  ...more,
});

describe("a mistake is told before anything is spent", () => {
  test.each([
    ["an unknown key, with the nearest valid one", { rollout: { attempts: 2 } }, /rollout\b.*rollouts/s],
    ["a wrong type", { judge: { votes: "three" } }, /judge\.votes.*number.*three/s],
    [
      "an unknown format, with the valid ones",
      { export: { formats: ["csv"] } },
      /formats.*chat-jsonl.*parquet.*arrow/s,
    ],
    ["an unknown scaffold, with the valid ones", { scaffold: "reakt" }, /scaffold.*react/s],
    ["an unknown sandbox backend, with the valid ones", { sandbox: { backend: "vm" } }, /backend.*docker.*bubblewrap/s],
    ["an unknown recipe, with the valid ones", { recipe: "stf" }, /recipe.*sft.*stf/s],
    ["k = 0", { rollouts: { attempts: 0, maxTurns: 5 } }, /rollouts\.attempts.*0/s],
    ["a threshold below zero", { accept: { mean: -1, each: 0 } }, /accept\.mean.*-1/s],
    ["a data file that is not there", { datasets: ["./nowhere.csv"] }, /datasets\[0\].*nowhere\.csv/s],
    ["a prompt that is not there", { prompts: { agent: "agent/nowhere.md" } }, /nowhere\.md/s],
  ])("%s", async (_what, config, told) => {
    await using files = await smallRun({ config });
    const end = await files.run();
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).toMatch(told);
    expect(end.stderr).not.toContain("at file:"); // a sentence, not a stack
    expect(existsSync(join(files.output, "runs"))).toBe(false);
  });

  test("a config that is not there", async () => {
    const end = await tracemill(["run", "nowhere.yaml"]);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("nowhere.yaml");
  });

  test("an unknown command", async () => {
    const end = await tracemill(["rnu"]);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("rnu");
  });

  test("a missing key names the variable and the way out", async () => {
    await using files = await smallRun({
      model: endpoint("http://127.0.0.1:9/v1", { apiKeyEnv: "TRACEMILL_NO_SUCH_KEY" }),
    });
    const end = await files.run();
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).toContain("TRACEMILL_NO_SUCH_KEY");
  });

  test("an endpoint that nobody listens on", async () => {
    await using files = await smallRun({ model: endpoint("http://127.0.0.1:9/v1") });
    const end = await files.run();
    expect(end.code, end.stderr).toBe(2);
    expect(end.stderr).toContain("127.0.0.1:9");
  });

  test("an endpoint that answers a web page", async () => {
    const server = createServer((_request, response) =>
      response.setHeader("content-type", "text/html").end("<html>Hello</html>"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      await using files = await smallRun({ model: endpoint(`http://127.0.0.1:${port}/v1`) });
      const end = await files.run();
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toMatch(/HTML|web page/i);
    } finally {
      server.close();
    }
  });
});
