// Runs cases on one target, group by group, with the common conditions around each.
import type { HostileCase, HostileContext, Kind, Session, Target } from "./case.ts";
import { type Bounds, openWatch, type Watch } from "./conditions.ts";
import { type Planted, plant } from "./planted.ts";
import type { CaseReport, GroupReport, TargetReport } from "./report.ts";
import { sessionOver } from "./session.ts";

const caseLimitMs = 180_000;

/** Runs `cases` on `target` one after another and tells how each went. Closes nothing that it did not open. */
export async function runCases(
  target: Target,
  cases: readonly HostileCase[],
  options: { readonly bounds: Bounds; readonly say: (line: string) => void },
): Promise<TargetReport> {
  const began = performance.now();
  using planted = plant();
  await using watch = await openWatch(target, planted, options.bounds);
  const reports: CaseReport[] = [];
  const groups: GroupReport[] = [];
  for (const kind of new Set(cases.map((entry) => entry.kind))) {
    const group = await watch.group();
    for (const entry of cases.filter((each) => each.kind === kind)) {
      const report = await runCase(target, entry, planted, watch);
      reports.push(report);
      const why = report.why === null ? "" : `: ${report.why}`;
      options.say(`  ${mark(report)} ${entry.row} ${entry.name} (${seconds(report.wallMs)})${why}`);
    }
    groups.push(await endOf(kind, group, options.say));
  }
  const left = await watch.openFiles();
  for (const line of left) options.say(`     BROKEN ${line}`);
  return { target: target.name, about: target.about, cases: reports, groups, left, wallMs: performance.now() - began };
}

async function endOf(kind: Kind, group: Awaited<ReturnType<Watch["group"]>>, say: (line: string) => void) {
  const conditions = await group.end();
  const { honestSteps, aloneP95Ms, besideP95Ms, hostRssMb, cleanAfterMs, broken } = conditions;
  const figures = [
    `${honestSteps} honest steps`,
    `p95 ${rounded(besideP95Ms)} ms beside (${rounded(aloneP95Ms)} alone)`,
    `host ${hostRssMb} MB`,
    cleanAfterMs === null ? "NOT clean" : `clean after ${Math.round(cleanAfterMs)} ms`,
  ];
  say(`  -- ${kind}: ${figures.join(", ")}`);
  for (const line of broken) say(`     BROKEN ${line}`);
  return { kind, ...conditions };
}

async function runCase(target: Target, entry: HostileCase, planted: Planted, watch: Watch): Promise<CaseReport> {
  const clock = new AbortController();
  const timer = setTimeout(
    () => clock.abort(new Error(`the case took longer than ${caseLimitMs / 1000} s`)),
    caseLimitMs,
  );
  const { signal } = clock;
  const opened: Session[] = [];
  const began = performance.now();
  const { row, name, kind } = entry;
  const context: HostileContext = {
    target,
    secret: planted.secret,
    dataDir: planted.dataDir,
    hostDir: planted.hostDir,
    async open() {
      const session = sessionOver(
        await target.open({ dataDir: planted.dataDir, label: `hostile-${row}`, signal }),
        signal,
      );
      opened.push(session);
      return session;
    },
  };
  const told = (outcome: CaseReport["outcome"], agentSees: string, record: string, why: string | null): CaseReport => {
    const wallMs = performance.now() - began;
    return {
      row,
      name,
      kind,
      outcome,
      agentSees: oneLine(agentSees),
      record,
      why: why === null ? null : oneLine(why),
      wallMs,
    };
  };
  try {
    const seen = await endBy(signal, async () => {
      try {
        return await entry.run(context);
      } finally {
        await Promise.all(opened.map((session) => session.close()));
      }
    });
    const changed = await watch.lookAtNext(signal);
    if (changed.length > 0) return told("failed", seen.agentSees, seen.record, changed.join("; "));
    if (entry.knownGap !== undefined)
      return told("failed", seen.agentSees, seen.record, `it holds: take away its knownGap "${entry.knownGap}"`);
    if (seen.notHeld !== undefined) return told("not promised", seen.agentSees, seen.record, seen.notHeld);
    return told("held", seen.agentSees, seen.record, null);
  } catch (error) {
    const story = error instanceof Error ? error.message : String(error);
    const notPromised = target.notPromised?.[row];
    if (notPromised !== undefined) return told("not promised", "", "", `${notPromised} (${story})`);
    if (entry.knownGap !== undefined) return told("known gap", "", "", `${entry.knownGap} (${story})`);
    return told("failed", "", "", story);
  } finally {
    clearTimeout(timer);
    clock.abort();
  }
}

/** What `work` gives, or the signal's reason where that comes first, so that a case that hangs ends. */
async function endBy<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work().then(resolve, reject);
  });
}

function mark({ outcome }: CaseReport): string {
  return { held: "ok  ", "not promised": "not ", "known gap": "gap ", failed: "FAIL" }[outcome];
}

/** At most 300 characters, without line ends. */
export function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length <= 300 ? flat : `${flat.slice(0, 297)}...`;
}

function rounded(ms: number | null): string {
  return ms === null ? "?" : ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
