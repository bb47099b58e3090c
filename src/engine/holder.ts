// Who holds a lease or an intent, and whether that process still lives. Pids are reused, so a pid alone names nobody.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process, named so that no later process is ever taken for it: boot id, pid, start time. */
export interface Holder {
  readonly boot: string;
  readonly pid: number;
  readonly started: string;
}

let self: Holder | undefined;

/** This process as a holder. */
export function thisHolder(): Holder {
  self ??= { boot: bootId(), pid: process.pid, started: startedAt(process.pid) ?? "unknown" };
  return self;
}

/** A running process as a holder; null where there is none of this pid. */
export function holderOf(pid: number): Holder | null {
  const started = startedAt(pid);
  return started === null ? null : { boot: bootId(), pid, started };
}

/** True while the very process that is named still runs; false once it is dead, a zombie, or the machine was restarted. */
export function isAlive(holder: Holder): boolean {
  const own = thisHolder();
  if (holder.boot !== own.boot) return false;
  if (holder.pid === own.pid) return holder.started === own.started;
  return startedAt(holder.pid) === holder.started;
}

function bootId(): string {
  return process.platform === "linux" ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() : "";
}

/** When the process started, in the platform's own words (clock ticks since boot on Linux); null when no such process runs. */
function startedAt(pid: number): string | null {
  if (process.platform === "linux") return startedOnLinux(pid);
  if (!answers(pid)) return null;
  if (process.platform === "win32") return "unknown";
  return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
}

function startedOnLinux(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
  // The command name may hold spaces and brackets: the fields that can be split begin behind its last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  return state === "Z" || state === "X" ? null : (fields[19] ?? null);
}

function answers(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPERM") return true;
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
