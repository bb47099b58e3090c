import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { errorKinds } from "../../src/models/offline-teacher/conversation.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { smallRun } from "../kit/small-run.ts";
import { tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const errorRates = Object.fromEntries(errorKinds.map((kind) => [kind, 0]));

describe.skipIf(missing !== null)(
  `the offline teacher behind other scaffolds${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    test.concurrent.each(["tools", "code-act"])(
      "`scaffold: %s` goes from a table to examples without an endpoint",
      { timeout: 120_000 },
      async (scaffold) => {
        await using small = await smallRun({
          model: { provider: "offline-teacher", errorRates },
          config: {
            ...tinyConfig,
            scaffold,
            propose: { ...tinyConfig.propose, questions: 2 },
            // A solution needs half a dozen messages, and the sandbox is what takes time.
            rollouts: { attempts: 1, maxTurns: 8, concurrency: 2 },
            select: { target: 1 },
            export: { formats: ["chat-jsonl"] },
          },
        });
        const end = await small.run();
        expect(end.code, end.stdout + end.stderr).toBe(0);
        expect(await small.summary()).toMatchObject({ examples: 1 });
        const line = await readFile(join(small.output, "runs/latest/exports/chat.jsonl"), "utf8");
        const { messages, tools } = JSON.parse(line.trim()) as {
          messages: { role: string; content: string; tool_calls?: object[] }[];
          tools?: object[];
        };
        const native = scaffold === "tools";
        expect(tools?.length ?? 0).toBe(native ? 1 : 0);
        expect(messages.some(({ role }) => role === "tool")).toBe(native);
        const code = messages.filter(
          ({ content, tool_calls: calls }) => calls !== undefined || /^```python$/m.test(content),
        );
        expect(code.length).toBeGreaterThan(2);
        expect(messages.at(-1)?.content).toMatch(/<answer>\n@[\s\S]*<\/answer>/);
        expect(JSON.stringify(messages)).not.toMatch(/<python>|<information>|<reasoning>/);
      },
    );
  },
);
