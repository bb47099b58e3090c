// Two thousand items against an endpoint of whose tries 30 % go wrong, in every way that the kit knows and a run survives; killed early,
// taken up by two processes at once, and run again until nothing is owed. The endpoint counts what it handed over.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type RunEvent, type RunSummary, runEvent, runSummary } from "../../src/domain/run.ts";
import { openStore } from "../../src/engine/store.ts";
import { packageRoot } from "../../src/package.ts";
import { type CliEnd, type CliOptions, tracemill } from "../kit/cli.ts";
import { draws, type FaultMix } from "../kit/fault-mix.ts";
import { type AskedRequest, type FaultServer, startFaultServer } from "../kit/fault-server.ts";
import type { ChatBody } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const items = 2_000;
const atOnce = 64;
const missing = await sandboxMissing();

const faults: FaultMix = {
  share: 0.3,
  weights: {
    ...{ "429": 1, "429_retry_after": 1, "429_retry_after_ms": 1, "429_http_date": 1, "408": 1, "409": 1 },
    ...{ "500": 2, "502": 1, "503": 1, "503_retry_after": 1, "529": 1 },
    ...{ reset_before_headers: 2, reset_mid_body: 2, drip: 2, html: 1, html_502: 1, cut_json: 2, wrong_json: 1 },
    ...{ empty_choices: 1, error_in_body: 1, finish_reason_error: 1, missing_usage: 2, stall_in_body: 0.1 },
  },
};
// These are answers, not faults: whoever asks again gets the same.
const settled: FaultMix = {
  share: 0.03,
  weights: { refusal: 1, content_filter: 1, content_filter_400: 1, context_overflow: 1 },
};

/** What the writer says of an item, and what the judge says of what was written: different for each, the same in every run. */
function answer(body: ChatBody): string {
  const asked = body.messages.at(-1)?.content ?? "";
  const [draw] = draws(asked);
  if (body.model === "writer") return `${itemIn(asked)} is ${draw.toFixed(4)}.`;
  const review = { name: "clarity", score: Number(draw.toFixed(2)), evidence: "", justification: "" };
  return JSON.stringify({ criteria: [review] });
}

function itemIn(text: string): string {
  return /item_\d+/.exec(text)?.[0] ?? "no item";
}

describe.skipIf(missing !== null)(`a run in chaos${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  let calm: FaultServer;
  let shaken: FaultServer;
  const ends: Record<"calm" | "killed" | "both" | "again", CliEnd[]> = { calm: [], killed: [], both: [], again: [] };
  let wholeAtKill = 0;
  let askedAtKill: Set<string>;

  function run(server: FaultServer, output: string, options: CliOptions & { set?: string[] } = {}): Promise<CliEnd> {
    const at = ["writer", "judge"].map((alias) => `models.${alias}.baseUrl=${server.baseUrl}`);
    const set = [...at, ...(options.set ?? [])].flatMap((change) => ["--set", change]);
    return tracemill(["run", join(folder, "run.yaml"), "--output", join(folder, output), ...set], options);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-chaos-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(packageRoot(), join(folder, "node_modules/tracemill"));
    await copyFile(join(packageRoot(), "test/kit/chaos-recipe.mjs"), join(folder, "recipe.mjs"));
    await writeFile(join(folder, "rows.csv"), "a,b\n1,2\n");
    const model = (name: string) => ({
      provider: "openai-compatible",
      model: name,
      baseUrl: "http://127.0.0.1:1/v1",
      rememberAs: "the-endpoint", // two ports, one endpoint: no key may differ by the port
      concurrency: atOnce,
      timeoutSeconds: 2,
      retries: { firstWaitSeconds: 0.002, maxWaitSeconds: 0.02 },
    });
    const models = { writer: model("writer"), judge: model("judge") };
    const config = { recipe: "./recipe.mjs", datasets: ["rows.csv"], models, items, atOnce, maxFailureRate: 1 };
    await writeFile(join(folder, "run.yaml"), stringify(config, { aliasDuplicateObjects: false }));
    calm = await startFaultServer({ answer, settled });
    shaken = await startFaultServer({ answer, settled, faults, retryAfterMs: 5, dripMs: 1 });

    const undisturbed = run(calm, "calm");
    const killed = await run(shaken, "shaken", { started: (pid) => killAfter(pid, items / 2) });
    ends.killed.push(killed);
    wholeAtKill = shaken.stats().whole;
    askedAtKill = new Set(shaken.requests.keys());
    // A stall costs its deadline, which is time that only the end of a run would wait for.
    shaken.setFaults({ ...faults, weights: { ...faults.weights, stall_in_body: 0 } });
    // One from each end: they share the work, and meet.
    const backwards = run(shaken, "shaken", { set: ["backwards=true"] });
    ends.both.push(...(await Promise.all([run(shaken, "shaken"), backwards])));
    ends.calm.push(await undisturbed);
    for (let more = 0; more < 5; more++) {
      const end = await run(shaken, "shaken");
      ends.again.push(end);
      if (end.code !== 3) break;
    }
  }, 120_000);
  afterAll(async () => {
    await calm[Symbol.asyncDispose]();
    await shaken[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Kills the process as soon as the server was asked so many different things. */
  function killAfter(pid: number, distinct: number): void {
    const look = setInterval(() => {
      if (shaken.requests.size < distinct) return;
      clearInterval(look);
      process.kill(-pid, "SIGKILL");
    }, 5);
    look.unref();
  }

  async function read(run: string): Promise<{ events: RunEvent[]; summary: RunSummary }> {
    const lines = (await readFile(join(folder, run, "events.jsonl"), "utf8")).trim().split("\n");
    const summary = runSummary.parse(JSON.parse(await readFile(join(folder, run, "summary.json"), "utf8")));
    return { events: lines.map((line) => runEvent.parse(JSON.parse(line))), summary };
  }
  const runsOf = async (output: string) =>
    (await readdir(join(folder, output, "runs"))).filter((name) => name !== "latest");

  test("is killed, and goes on to an end without anything owed", () => {
    expect(ends.killed.map(({ signal }) => signal)).toEqual(["SIGKILL"]);
    expect(wholeAtKill).toBeGreaterThan(items / 4);
    for (const end of ends.both) expect([0, 3], end.stderr).toContain(end.code);
    for (const end of [...ends.calm, ...ends.again.slice(-1)]) expect(end.code, end.stderr).toBe(0);
    // Or chaos was none.
    const { asked, faulted } = shaken.stats();
    expect(faulted / asked).toBeGreaterThan(0.25);
    expect(new Set([...shaken.requests.values()].flatMap((one) => one.faults)).size).toBeGreaterThan(20);
  });

  test("ends each item in exactly one state in every run, and owes only what the server did not hand over", async () => {
    const asked = byItem(shaken);
    let owed = 0;
    for (const name of await runsOf("shaken")) {
      const run = `shaken/runs/${name}`;
      const killed = !(await readdir(join(folder, run))).includes("summary.json");
      if (killed) continue;
      const { events, summary } = await read(run);
      const states = statesOf(events);
      expect(Object.keys(states)).toHaveLength(items);
      for (const { stage, in: entered, passed, rejected, failed, pending } of summary.funnel) {
        expect([stage, passed + rejected + failed, pending]).toEqual([stage, entered, 0]);
      }
      for (const [id, { stage, outcome, code, message }] of Object.entries(states)) {
        if (outcome === "passed") expect([id, stage]).toEqual([id, "decide"]);
        if (outcome !== "failed") continue;
        owed += 1;
        expect([id, code, message]).toEqual([id, "provider", expect.stringContaining("got none in 6 tries")]);
        // What it lacked then was handed over in a later run, or it would be lost: every try before that was a fault.
        const request = asked.get(`${stage === "write" ? "writer" : "judge"} ${id}`);
        expect(request?.asked, id).toBeGreaterThan(6);
        expect(request?.faults.length, id).toBeGreaterThanOrEqual(6);
      }
    }
    expect(owed).toBeGreaterThan(0);
  });

  test("comes to the states, texts and verdicts of a run without faults", async () => {
    const [expected, got] = [await read("calm/runs/latest"), await read("shaken/runs/latest")];
    expect(statesOf(got.events)).toEqual(statesOf(expected.events));
    const codes = Object.values(statesOf(expected.events)).map(({ code, outcome }) => code ?? outcome);
    expect(new Set(codes)).toEqual(new Set(["passed", "unclear", "refusal", "content_filter", "context_overflow"]));
    const chat = "runs/latest/exports/chat.jsonl";
    const lines = async (output: string) => (await readFile(join(folder, output, chat), "utf8")).split("\n").sort();
    expect(await lines("shaken")).toEqual(await lines("calm"));
  });

  test("keeps for every item the text and the verdict that the server handed over", async () => {
    const { events } = await read("shaken/runs/latest");
    const asked = byItem(shaken);
    const store = await openStore(join(folder, "shaken/store/values"));
    let verdicts = 0;
    for (const event of events) {
      if (event.type !== "item" || event.stage !== "judge" || event.outcome !== "passed") continue;
      verdicts += 1;
      const [key = "no body"] = Object.values(event.bodies ?? {});
      const body = store.get(key) as { messages: unknown[]; measured: object };
      const [written, judged] = ["writer", "judge"].map((model) => asked.get(`${model} ${event.id}`) as AskedRequest);
      expect([event.id, written?.whole, judged?.whole]).toEqual([event.id, expect.any(Number), expect.any(Number)]);
      expect(Math.min(written?.whole ?? 0, judged?.whole ?? 0), event.id).toBeGreaterThan(0);
      expect(body.messages[1]).toEqual({ role: "assistant", content: answer((written as AskedRequest).body) });
      const [review] = JSON.parse(answer((judged as AskedRequest).body)).criteria as { score: number }[];
      expect(body.measured).toEqual({ clarity: review?.score });
    }
    await store[Symbol.asyncDispose]();
    expect(verdicts).toBeGreaterThan(items * 0.9);
  });

  test("pays for nothing twice but what was under way at the kill, and says how much that was", async () => {
    const lost = [...ends.both, ...ends.again]
      .map(({ stderr }) => Number(/^(\d+) requests? (?:was|were) under way/m.exec(stderr)?.[1] ?? 0))
      .reduce((sum, one) => sum + one, 0);
    const { twice, whole, distinct, asked } = shaken.stats();
    console.log(
      `${distinct} requests asked ${asked} times, ${whole} answered whole, ${twice} twice; ${lost} lost by a kill`,
    );
    expect(calm.stats().twice).toBe(0);
    expect(twice).toBeLessThanOrEqual(lost);
    expect(lost).toBeLessThanOrEqual(atOnce);
    const repeated = [...shaken.requests].filter(([, one]) => one.whole > 1).map(([key]) => key);
    expect(repeated.filter((key) => !askedAtKill.has(key))).toEqual([]);
    expect([...shaken.requests.keys()].sort()).toEqual([...calm.requests.keys()].sort());
  });
});

/** Where each item ended: its one last event. @throws where an item ended twice in a stage, or went on from an end. */
function statesOf(events: readonly RunEvent[]) {
  const ends: Record<string, { stage: string; outcome: string; code?: string; message?: string; bodies?: object }> = {};
  for (const event of events) {
    if (event.type !== "item") continue;
    const { stage, outcome, code, message, bodies } = event;
    const before = ends[event.id];
    const order = ["write", "judge", "decide"];
    expect(order.indexOf(stage), `${event.id} in ${stage}`).toBe(before ? order.indexOf(before.stage) + 1 : 0);
    expect(before?.outcome ?? "passed", event.id).toBe("passed");
    ends[event.id] = { stage, outcome, ...(code && { code }), ...(message && { message }), ...(bodies && { bodies }) };
  }
  return ends;
}

/** What a server was asked, by model and item. */
function byItem(server: FaultServer): Map<string, AskedRequest> {
  return new Map(
    [...server.requests.values()].map((one) => [
      `${one.body.model} ${itemIn(one.body.messages.at(-1)?.content ?? "")}`,
      one,
    ]),
  );
}
