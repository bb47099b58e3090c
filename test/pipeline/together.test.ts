import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();

describe.skipIf(missing !== null)(
  `runs at once on one folder${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    test("one is killed and two others, one of them another config, end well and pay nothing twice", {
      timeout: 300_000,
    }, async () => {
      let killOne = () => {};
      await using endpoint = await teacherEndpoint({
        before: (index) => {
          if (index === 20) killOne();
        },
      });
      await using files = await smallRun({ model: modelAt(endpoint.baseUrl), config: tinyConfig });
      const set = setBaseUrl(endpoint.baseUrl);
      const killed = files.run({
        set,
        watch: (_stderr, kill) => {
          killOne = () => kill("SIGKILL");
        },
      });
      const [one, other, third] = await Promise.all([
        killed,
        files.run({ set }),
        files.run({ set: [...set, "accept.mean=0.6", "judge.votes=2"] }),
      ]);
      expect(one.signal).toBe("SIGKILL");
      expect([other.code, third.code], `${other.stderr}\n${third.stderr}`).toEqual([0, 0]);

      // Only what was on its way to the killed run may have been asked again.
      const answered = endpoint.requests.filter((request) => request.answered).map(({ body }) => JSON.stringify(body));
      const twice = answered.length - new Set(answered).size;
      expect(twice).toBeLessThanOrEqual(8);

      // The killed one, continued: what the others paid for is enough, and one config gives one export.
      const asked = endpoint.requests.length;
      const next = await files.run({ set });
      expect(next.code, next.stderr).toBe(0);
      expect(endpoint.requests.length).toBe(asked);
      const suffix = (await files.summary()).run.slice(-8);
      const bytes = readdirSync(join(files.output, "runs"))
        .map((name) => join(files.output, "runs", name))
        .filter((path) => path.includes(suffix))
        .flatMap((path) => {
          try {
            return [readFileSync(join(path, "exports/chat.jsonl"), "utf8")];
          } catch {
            return []; // the killed one has none
          }
        });
      expect(bytes).toHaveLength(2);
      expect(new Set(bytes).size).toBe(1);
      const check = await files.ask("store", "verify", "--json");
      expect(JSON.parse(check.stdout)).toMatchObject({ problems: [], runs: 4 });
    });
  },
);
