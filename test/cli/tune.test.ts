// `tracemill tune` before anything is sent, what it refuses, what it says of costs, and a trainer of one's own as a command.
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { serveOpenai } from "../kit/tuning/openai.ts";
import { serveTogether } from "../kit/tuning/together.ts";
import { keyOfTests, type TuneFolder, tuneFolder } from "../kit/tuning/tune-command.ts";

describe.concurrent("before anything is sent", () => {
  test("no terminal and no --yes, a broken file, settings out of range, unknown options: exit 2, nothing arrives", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai();
    const file = await folder.write("openai");
    const broken = await folder.text("broken.jsonl", Array(10).fill({ messages: [{ role: "user", content: "?" }] }));
    const begin = ["--target", "openai", "--model", "m", "--base-url", server.baseUrl];
    const cases: [readonly string[], readonly string[]][] = [
      [[file, ...begin], ["Expected `--yes`, or a terminal to ask on. Nothing was sent"]],
      [
        [broken, ...begin, "--yes"],
        ["OA-R5", "10 problems", "Nothing was sent", "npx tracemill check"],
      ],
      [
        [
          file,
          ...begin,
          "--yes",
          "--epochs",
          "51",
          "--learning-rate",
          "0",
          "--lora-rank",
          "8",
          "--option",
          "acount=a",
          "--set",
          "metadata={}",
        ],
        [
          "--epochs: expected a whole number from 1 to 50, got 51",
          "--learning-rate: expected a number above 0, got 0 (the service takes it as a multiplier)",
          "--lora-rank: the service chooses it",
          "--option acount: expected api-version",
          "--set metadata: the command fills that field in",
        ],
      ],
      [[file, ...begin.slice(0, 2), "--yes"], ["Expected --model"]],
      [["evnts"], ["did you mean `events`"]],
    ];
    for (const [words, expected] of cases) {
      const end = await folder.tune(words);
      expect([words, end.code]).toEqual([words, 2]);
      for (const words of expected) expect(end.stderr.toLowerCase()).toContain(words.toLowerCase());
    }
    expect(server.arrived).toEqual([]);
  });

  test("a key that is missing, and one that the service repeats: named, and never shown", async () => {
    await using folder = await tuneFolder();
    await using server = await serveTogether();
    const file = await folder.write("together");
    const words = [file, "--target", "together", "--model", "m", "--base-url", server.baseUrl, "--yes"];
    const none = await folder.tune(words, { env: { TOGETHER_API_KEY: "" } });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("`TOGETHER_API_KEY` to hold the key")]);
    expect(server.arrived).toEqual([]);
    const key = "another-key-0123456789";
    const wrong = await folder.tune([...words, "--api-key-env", "MY_KEY"], { env: { MY_KEY: key } });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/answered 401.*Look at the key in `MY_KEY`/)]);
    expect(wrong.stderr + wrong.stdout + (await folder.record("job.json"))).not.toContain(key);
    expect(keyOfTests).not.toBe(key);
  });

  test("OpenAI's closing: 403 in clear words with ways out, exit 2, and the record can be begun again", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ closed: true });
    const file = await folder.write("openai");
    const words = [file, "--target", "openai", "--model", "m", "--base-url", server.baseUrl, "--yes"];
    for (const _ of [1, 2]) {
      const end = await folder.tune(words);
      expect(end.code).toBe(2);
      for (const said of [
        "closed self-serve fine-tuning",
        "2027-01-06",
        "--target azure",
        "cannot create fine-tuning jobs",
      ])
        expect(end.stderr).toContain(said);
    }
    expect(await folder.job()).toMatchObject({ asked: false, jobId: null, fileId: "file-1" });
    expect(server.files.length).toBe(1);
  });
});

test("the training file as validation file ends it before anything is sent", async () => {
  await using folder = await tuneFolder();
  await using server = await serveTogether();
  const file = await folder.write("together");
  const common = [file, "--target", "together", "--model", "m", "--base-url", server.baseUrl, "--yes"];
  const end = await folder.tune([...common, "--validation", file]);
  expect([end.code, end.stderr]).toEqual([2, expect.stringMatching(/OA-R14.*the same file/)]);
  expect(server.arrived).toEqual([]);
});

describe.concurrent("what it would cost", () => {
  /** What is said of the cost, with the file's tokens: asked without --yes, so nothing is sent. */
  async function costOf(folder: TuneFolder, file: string, words: readonly string[]) {
    const end = await folder.tune([file, "--base-url", "http://127.0.0.1:9/v1", "--model", "m", ...words]);
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const [, tokens = ""] = /([\d,]+) tokens, the longest/.exec(end.stdout) ?? [];
    const [, billed = "", epochs = ""] = /([\d,]+) tokens over ([\d.]+) epochs/.exec(end.stdout) ?? [];
    const numbers = [tokens, billed].map((text) => Number(text.replaceAll(",", "")));
    return { said: end.stdout, tokens: numbers[0] as number, billed: numbers[1] as number, epochs: Number(epochs) };
  }

  async function prices(folder: TuneFolder, name: string, price: string): Promise<string[]> {
    const path = join(folder.path, name);
    await writeFile(path, `prices: []\ntuning:\n  - ${price}\n`);
    return ["--prices", path];
  }

  test("tokens times epochs times price, automatic epochs, the least a job costs, old prices, hosting, unknown ones", async () => {
    await using folder = await tuneFolder();
    const file = await folder.write("openai");
    const today = new Date().toISOString().slice(0, 10);
    const fresh = await prices(folder, "fresh.yaml", `{ service: openai, model: m, perMillion: 1000, asOf: ${today} }`);
    const first = await costOf(folder, file, ["--target", "openai", ...fresh]);
    expect([first.epochs, first.billed]).toEqual([8, first.tokens * 8]);
    expect(first.said).toContain(`about $${(first.billed / 1000).toFixed(2)}`);
    expect(first.said).not.toMatch(/the price is of|the least/);

    const together = await folder.write("together");
    const old = await prices(
      folder,
      "old.yaml",
      "{ service: together, model: m, perMillion: 1, minimumUsd: 4, hostingPerHourUsd: 1.7, asOf: 2025-01-02 }",
    );
    const least = await costOf(folder, together, [
      "--target",
      "together",
      "--epochs",
      "3",
      "--validation",
      await folder.text("other.jsonl", [
        {
          messages: [
            { role: "user", content: "Which week had the most rain in Lisbon?" },
            { role: "assistant", content: "The ninth" },
          ],
        },
      ]),
      ...old,
    ]);
    expect(least.billed).toBeGreaterThan(least.tokens * 3);
    expect(least.billed).toBeLessThan(least.tokens * 3 + 100);
    for (const words of ["about $4.00", "the least a job costs", "the price is of 2025-01-02", "$1.70 an hour"])
      expect(least.said).toContain(words);

    const unknown = await costOf(folder, file, ["--target", "openai", "--method", "sft", "--epochs", "1"]);
    expect(unknown.said).toContain("unknown");
    expect(unknown.billed).toBe(unknown.tokens);
  });

  test("at Fireworks a conversation with two thoughts is two examples, which are paid for", async () => {
    await using folder = await tuneFolder();
    const line = {
      messages: [
        { role: "user", content: "How many rows?" },
        { role: "assistant", content: "Loaded.", reasoning_content: "Load the file first.", weight: 1 },
        { role: "user", content: "And?" },
        { role: "assistant", content: "891", reasoning_content: "Count them.", weight: 1 },
      ],
    };
    const file = await folder.text("thinking.jsonl", [line, line, line]);
    const { tokens, billed } = await costOf(folder, file, ["--target", "fireworks", "--option", "account=a"]);
    expect(billed).toBeGreaterThan(tokens);
    expect(billed).toBeLessThan(tokens * 2);
  });
});

describe.concurrent("--target command", () => {
  test("a trainer of one's own: what it is told, its lines as metrics; again only where it is asked", async () => {
    await using folder = await tuneFolder();
    const file = await folder.write("openai");
    const command = [
      'printf "%s" "$TRACEMILL_SETTINGS" > "$TRACEMILL_OUT/settings.json"',
      'printf "%s\\n" "$TRACEMILL_FILE" "$TRACEMILL_VALIDATION" "$TRACEMILL_MODEL" > "$TRACEMILL_OUT/told"',
      'echo \'{"step": 1, "loss": 0.5}\'',
      "echo warming up >&2",
    ].join("\n");
    const words = [
      file,
      "--target",
      "command",
      "--model",
      "m",
      "--epochs",
      "3",
      "--set",
      "lora=true",
      "--command",
      command,
    ];
    const unasked = await folder.tune(words);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const end = await folder.tune([...words, "--yes"]);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(await folder.record("out/told")).toBe(`${file}\n\nm\n`);
    expect(JSON.parse(await folder.record("out/settings.json"))).toMatchObject({ epochs: 3, extra: { lora: true } });
    expect(await folder.lines("metrics.jsonl")).toMatchObject([{ step: 1, loss: 0.5 }]);
    expect(await folder.record("train.log")).toContain("warming up");
    expect(await folder.job()).toMatchObject({ state: "succeeded", attempt: 1 });

    const second = await folder.tune([...words, "--yes"]);
    expect([second.code, second.stdout]).toEqual([0, expect.stringContaining("has trained before")]);
    expect((await folder.tune([...words, "--yes", "--again"])).code).toBe(0);
    expect(await folder.job()).toMatchObject({ attempt: 2 });
    expect((await folder.lines("metrics.jsonl")).length).toBe(2);
  });

  test("one that fails ends with 3, and is not begun again without --again; one that is stopped is", async () => {
    await using folder = await tuneFolder();
    const file = await folder.write("openai");
    const count = join(folder.path, "count");
    const words = [file, "--target", "command", "--yes", "--command", `echo x >> '${count}'; exit 7`];
    const ends = [await folder.tune(words), await folder.tune(words), await folder.tune([...words, "--again"])];
    expect(ends.map(({ code }) => code)).toEqual([3, 3, 3]);
    expect(ends.map(({ stdout }) => stdout)).toEqual(
      Array(3).fill(expect.stringContaining("the command ended with 7")),
    );
    expect(await readFile(count, "utf8")).toBe("x\nx\n");

    await using other = await tuneFolder();
    const begun = join(folder.path, "begun");
    const sleep = `if [ -e '${begun}' ]; then exit 0; fi; touch '${begun}'; sleep 60`;
    const slow = [file, "--target", "command", "--yes", "--command", sleep];
    let pid = 0;
    const watching = other.tune(slow, {
      started: (one) => {
        pid = one;
      },
    });
    while (
      !(await access(begun).then(
        () => true,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pid, "SIGINT");
    const stopped = await watching;
    expect([stopped.code, stopped.stdout]).toEqual([130, expect.stringContaining("begins it anew")]);
    expect(await other.job()).toMatchObject({ status: "interrupted", state: "cancelled" });
    expect((await other.tune(slow)).code).toBe(0);
  });

  test("a watcher that is killed leaves its command running; the same command follows it, and begins none", async () => {
    await using folder = await tuneFolder();
    const file = await folder.write("openai");
    const [count, go] = [join(folder.path, "count"), join(folder.path, "go")];
    const command = [
      `echo x >> '${count}'`,
      "echo '{\"step\": 1}'",
      `until [ -e '${go}' ]; do sleep 0.02; done`,
      "echo '{\"step\": 2}'",
      "printf 'the end, without a line feed'",
    ].join("; ");
    const words = [file, "--target", "command", "--yes", "--command", command];
    let pid = 0;
    const killed = folder.tune(words, {
      started: (one) => {
        pid = one;
      },
    });
    while ((await folder.record("metrics.jsonl")) === "") await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pid, "SIGKILL");
    await killed;
    const following = folder.tune(words.filter((word) => word !== "--yes"));
    await writeFile(go, "");
    const end = await following;
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(end.stdout).toContain("was begun before");
    expect(end.stdout).toContain("the end, without a line feed\n");
    expect(await readFile(count, "utf8")).toBe("x\n");
    expect(await folder.lines("metrics.jsonl")).toMatchObject([{ step: 1 }, { step: 2 }]);
    expect(await folder.job()).toMatchObject({ state: "succeeded", attempt: 1 });
  });
});
