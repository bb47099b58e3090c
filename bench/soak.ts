// Many sessions over a long time, some of which mean harm, are aborted or lose their sandbox, and then a look for what is left:
// `npm run bench:soak -- --minutes 30 --sessions 200 --hostile 5 --backend docker`. Exit code 1 where something leaked or went wrong.
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Remember, SandboxBackend, Session } from "../src/contracts.ts";
import { FailureError } from "../src/domain/errors.ts";
import { cgroupHomes, findCgroupRoots } from "../src/sandboxes/cgroup.ts";
import { listSandboxes, openSandboxBackend } from "../src/sandboxes/index.ts";
import { places } from "../src/sandboxes/places.ts";
import { openSession } from "../src/sandboxes/session.ts";
import { machineCounts, memory, ownCounts } from "./soak-counts.ts";
import { type HostileCase, hostileCases, playCase } from "./soak-hostile.ts";
import { type Cell, drawFrom, honestCells, hostileSessions, salesCsv } from "./soak-sessions.ts";

type Plan = "honest" | "hostile" | "aborted" | "killed";
/** How a session ended; `wrong` is an end that its plan does not allow, or a value that was not the right one. */
type End = "done" | "failed" | "aborted" | "wrong";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    sessions: { type: "string", default: "200" },
    hostile: { type: "string", default: "5" },
    backend: { type: "string", default: "docker" },
    concurrency: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    alone: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const [minutes, sessions, hostile, concurrency, seed] = (
  ["minutes", "sessions", "hostile", "concurrency", "seed"] as const
).map((name) => {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new Error(`Expected a number for --${name}, got \`${values[name]}\``);
  return value;
}) as [number, number, number, number, number];

// Of the honest ones' share: sessions that are given up midway, and sessions whose sandbox is killed from outside midway.
const shares = { aborted: 0.05, killed: 0.05 };
const growthLimitMb = 64;

const draw = drawFrom(seed * 1000 + 17);
const plans = Array.from({ length: sessions }, (_, index): Plan => {
  // The first three are one of each, so that a short soak tries them too.
  const first = (["hostile", "aborted", "killed"] as const)[index - 1];
  const at = draw();
  if (first !== undefined) return first === "hostile" && hostile === 0 ? "honest" : first;
  if (at < hostile / 100) return "hostile";
  if (at < hostile / 100 + shares.aborted) return "aborted";
  return at < hostile / 100 + shares.aborted + shares.killed ? "killed" : "honest";
});

const dataDir = mkdtempSync(join(tmpdir(), "tracemill-soak-"));
for (const [name, text] of [
  ["cars.csv", "name,mpg\na,21\nb,30\n"],
  ["notes.txt", "notes\n"],
] as const)
  writeFileSync(join(dataDir, name), text, { mode: 0o644 });
writeFileSync(join(dataDir, "sales.csv"), salesCsv(), { mode: 0o644 });
chmodSync(dataDir, 0o755);

const stop = new AbortController();
setMaxListeners(0, stop.signal); // every session that waits for its turn listens to it
process
  .once("SIGINT", () => stop.abort(new Error("interrupted")))
  .once("SIGTERM", () => stop.abort(new Error("ended")));

/** Nothing is remembered: every step runs. */
const forget: Remember = async (what, _schema, compute, { signal }) => ({
  value: await compute((send) => send(), signal),
  key: what.kind,
  remembered: false,
});

const open = () =>
  openSandboxBackend({
    ...{ backend: values.backend as "docker", concurrency, memoryMb: 768, pids: 128, stepTimeoutSeconds: 30 },
    signal: stop.signal,
  });

const opening = places(1);
/** One is opened at a time, so that the sandbox that came is the session's; `id` is asked for by those that are to be killed. */
function sandboxesOf(
  backend: SandboxBackend,
  wantsId: boolean,
): { backend: SandboxBackend; id: () => string | undefined } {
  let id: string | undefined;
  return {
    id: () => id,
    backend: {
      ...backend,
      async open(request) {
        const done = await opening.take(request.signal);
        try {
          const before = wantsId ? await ownIds() : new Set<string>();
          const sandbox = await backend.open(request);
          if (wantsId) id = [...(await ownIds())].find((one) => !before.has(one));
          return sandbox;
        } finally {
          done();
        }
      },
    },
  };
}

async function ownIds(): Promise<Set<string>> {
  const found = await listSandboxes();
  return new Set(found.filter(({ ownerPid }) => ownerPid === process.pid).map(({ id }) => id));
}

/** Ends a sandbox as an operator or the kernel would, behind our back. */
async function killFromOutside(id: string): Promise<void> {
  if (values.backend === "docker") {
    const { default: Engine } = await import("dockerode");
    await new Engine().getContainer(id).kill({ signal: "SIGKILL" });
    return;
  }
  const roots = findCgroupRoots();
  const [home] = roots === null ? [] : cgroupHomes(roots, process.getuid?.() ?? 0);
  for (const pid of readFileSync(`${home}/${id}/cgroup.procs`, "utf8").split("\n")) {
    if (pid !== "") process.kill(Number(pid), "SIGKILL");
  }
}

interface Ended {
  readonly session: number;
  readonly plan: Plan;
  readonly end: End;
  readonly steps: number;
  readonly detail: string;
}

const stepMs: number[] = [];
const cases = await hostileCases();
const secret = randomUUID();
const hostDir = mkdtempSync(join(tmpdir(), "tracemill-soak-host-"));
writeFileSync(join(hostDir, "answer.csv"), secret);

/** A session that is a case of the hostile catalogue. */
async function playHostile(session: number, backend: SandboxBackend): Promise<Ended> {
  const one = cases[session % cases.length] as HostileCase;
  const otherwise = await playCase(one, sandboxesOf(backend, false).backend, {
    dataDir,
    hostDir,
    secret,
    signal: stop.signal,
  });
  const detail = `row ${one.row}, ${one.name}${otherwise === null ? "" : `: ${otherwise}`}`;
  return { session, plan: "hostile", end: otherwise === null ? "done" : "failed", steps: 0, detail };
}

async function play(session: number, backend: SandboxBackend): Promise<Ended> {
  const plan = plans[session] as Plan;
  if (plan === "hostile" && cases.length > 0) return playHostile(session, backend);
  const nasty = hostileSessions[session % hostileSessions.length] as (typeof hostileSessions)[number];
  const cells = plan === "hostile" ? nasty.cells : honestCells(session);
  const cut = 1 + Math.floor(cells.length / 2);
  const abort = new AbortController();
  const own = sandboxesOf(backend, plan === "killed");
  const signal = AbortSignal.any([stop.signal, abort.signal]);
  await using opened = openSession({
    ...{ backend: own.backend, remember: forget, attempt: String(session), label: `soak-${session}`, signal },
    dataset: { id: "sales", dir: dataDir },
  });
  const pauseMs = (minutes * 60_000 * concurrency * 0.5) / sessions / cells.length;
  let steps = 0;
  const ended = (end: End, detail = ""): Ended => ({ session, plan, end, steps, detail });
  try {
    for (const [index, cell] of cells.entries()) {
      if (index === cut && plan === "aborted") setTimeout(() => abort.abort(new Error("given up")), 20);
      if (index === cut && plan === "killed") await killFromOutside(own.id() ?? "the sandbox that was opened");
      const wrong = await check(opened, cell, signal);
      steps++;
      if (wrong !== null) return ended("wrong", `cell ${index}: ${wrong}`);
      if (index === cut && plan === "aborted") await sleep(1000, undefined, { signal });
      await sleep(pauseMs * (0.5 + draw()), undefined, { signal });
    }
    if (plan === "aborted" || plan === "killed") return ended("wrong", `it was ${plan} and went on`);
    return ended("done", plan === "hostile" ? nasty.name : "");
  } catch (error) {
    const told = (error as Error).message;
    if (plan === "aborted" && abort.signal.aborted) return ended("aborted");
    if (error instanceof FailureError && plan !== "honest" && plan !== "aborted") return ended("failed", told);
    if (stop.signal.aborted) throw error;
    return ended("wrong", told);
  }
}

/** What is not as it should be, or null. */
async function check(session: Session, cell: Cell, signal: AbortSignal): Promise<string | null> {
  const { result } = await session.run(cell.code, { signal });
  stepMs.push(result.wallMs);
  if (cell.end !== undefined && result.end !== cell.end)
    return `expected ${cell.end}, got ${result.end}: ${result.exception?.value ?? result.detail ?? ""} of ${cell.code}`;
  if (cell.prints !== undefined && result.stdout.head !== cell.prints)
    return `expected ${JSON.stringify(cell.prints)}, got ${JSON.stringify(result.stdout.head.slice(0, 200))} of ${cell.code}`;
  return null;
}

interface Sample {
  readonly minute: number;
  readonly ended: number;
  readonly load: number;
  readonly [count: string]: number | null;
}

async function sample(started: number, ended: number): Promise<Sample> {
  const { rssMb, heapMb, dockerdMb } = memory();
  const minute = Math.round((performance.now() - started) / 600) / 100;
  const [load = 0] = loadavg();
  return { minute, ended, load: Math.round(load * 10) / 10, ...(await ownCounts([dataDir])), rssMb, heapMb, dockerdMb };
}

/** One session first: what is loaded at first use is no leak. */
async function warmUp(): Promise<void> {
  await using backend = await open();
  await using session = openSession({
    ...{ backend, remember: forget, attempt: "warm", label: "soak-warm", signal: stop.signal },
    dataset: { id: "sales", dir: dataDir },
  });
  await session.run("1", { signal: stop.signal });
}

// Idle connections to the engine close after five seconds.
const idleMs = 5_500;

/** The counts once they are those of `before`, or after eleven seconds those that they are. */
async function settled(before: Awaited<ReturnType<typeof counts>>) {
  await sleep(idleMs);
  const first = await counts();
  if (differences(before, first).length === 0) return first;
  await sleep(idleMs);
  return counts();
}

async function counts() {
  return { own: await ownCounts([dataDir]), machine: machineCounts() };
}

function differences(before: Awaited<ReturnType<typeof counts>>, after: typeof before): string[] {
  const kinds = values.alone ? (["own", "machine"] as const) : (["own"] as const);
  return kinds.flatMap((kind) =>
    Object.entries(after[kind]).flatMap(([name, count]) => {
      const was = (before[kind] as unknown as Record<string, number>)[name];
      return count === was ? [] : [`${kind} ${name}: ${was} before, ${count} after`];
    }),
  );
}

try {
  await warmUp();
  await sleep(idleMs);
  const before = { ...(await counts()), memory: memory() };
  const started = performance.now();
  const samples: Sample[] = [];
  const ends: Ended[] = [];
  {
    await using backend = await open();
    const free = places(concurrency);
    const everyMs = minutes < 5 ? 15_000 : 60_000;
    const clock = setInterval(() => {
      void sample(started, ends.length).then((one) => {
        samples.push(one);
        console.error(
          Object.entries(one)
            .map(([name, value]) => `${name} ${value}`)
            .join("  "),
        );
      });
    }, everyMs);
    try {
      await Promise.all(
        plans.map(async (_, session) => {
          await sleep((session / sessions) * minutes * 60_000 * 0.9, undefined, { signal: stop.signal });
          const done = await free.take(stop.signal);
          try {
            ends.push(await play(session, backend));
          } finally {
            done();
          }
        }),
      );
    } finally {
      clearInterval(clock);
    }
  }
  const after = { ...(await settled(before)), memory: memory() };
  const problems = [
    ...differences(before, after),
    ...ends
      .filter(({ end }) => end === "wrong")
      .map(({ session, plan, detail }) => `session ${session} (${plan}): ${detail}`),
    ...(new Set(ends.map(({ session }) => session)).size === sessions && ends.length === sessions
      ? []
      : [`${sessions} sessions, ${ends.length} ends`]),
    ...(after.memory.rssMb - before.memory.rssMb > growthLimitMb
      ? [`memory grew from ${before.memory.rssMb} to ${after.memory.rssMb} MB`]
      : []),
  ];
  report({ before, after, samples, ends, problems, seconds: Math.round((performance.now() - started) / 1000) });
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  for (const dir of [dataDir, hostDir]) rmSync(dir, { recursive: true, force: true });
}

function report(found: {
  before: Awaited<ReturnType<typeof counts>> & { memory: ReturnType<typeof memory> };
  after: Awaited<ReturnType<typeof counts>> & { memory: ReturnType<typeof memory> };
  samples: readonly Sample[];
  ends: readonly Ended[];
  problems: readonly string[];
  seconds: number;
}): void {
  const { before, after, ends, problems, seconds } = found;
  console.log(
    `${values.backend}: ${ends.length} sessions, ${stepMs.length} steps in ${seconds} s, ${concurrency} at a time`,
  );
  for (const plan of ["honest", "hostile", "aborted", "killed"] as const) {
    const own = ends.filter((one) => one.plan === plan);
    const of = (end: End) => own.filter((one) => one.end === end).length;
    console.log(
      `  ${plan.padEnd(8)} ${own.length}: done ${of("done")}, failed ${of("failed")}, aborted ${of("aborted")}, wrong ${of("wrong")}`,
    );
  }
  const sorted = stepMs.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  console.log(`  a step: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  console.log("                       before     after");
  for (const [kind, of] of [
    ["own", "own"],
    ["machine", "machine"],
    ["memory", "memory"],
  ] as const) {
    for (const [name, value] of Object.entries(after[of])) {
      const was = (before[of] as unknown as Record<string, number | null>)[name];
      console.log(`  ${`${kind} ${name}`.padEnd(20)} ${String(was).padStart(6)}    ${String(value).padStart(6)}`);
    }
  }
  console.log(problems.length === 0 ? "nothing leaked" : `PROBLEMS\n${problems.map((one) => `  ${one}`).join("\n")}`);
  const path = values.json ?? join(tmpdir(), `tracemill-soak-${values.backend}.json`);
  writeFileSync(path, JSON.stringify({ options: values, node: process.version, ...found }, null, 2));
  console.log(`written to ${path}`);
}
