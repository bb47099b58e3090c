// What a machine looks like from outside a sandbox, so that what hostile code left on it can be told. Linux.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Things that hostile code must not add to the host, a line each, and the room on its disks. */
export interface HostLook {
  readonly lines: ReadonlySet<string>;
  readonly freeDiskBytes: number;
}

const temporary = ["/tmp", "/var/tmp", "/dev/shm", "/run/shm"];

/** Looks the host over; `insideUids` own nothing in its temporary folders. */
export function lookAtHost(insideUids: readonly number[]): HostLook {
  const lines = [
    ...below(process.pid).map(({ pid, command, started }) => `process ${pid} (${command}, started ${started})`),
    ...readLines("/proc/self/mounts")
      .filter(notTheEngines)
      .map((line) => `mount ${line}`),
    ...temporary.flatMap((folder) => strange(folder, insideUids)),
    ...["shm", "sem", "msg"].flatMap((kind) =>
      readLines(`/proc/sysvipc/${kind}`)
        .slice(1)
        .map((line) => `sysv ${kind} ${line.trim().split(/\s+/)[1]}`),
    ),
    ...["core_pattern", "pid_max", "sysrq", "modprobe"].map(
      (name) => `kernel.${name} is ${readLines(`/proc/sys/kernel/${name}`).join()}`,
    ),
    `hostname is ${hostname()}`,
    `/dev/null has mode ${statSync("/dev/null").mode.toString(8)}`,
  ];
  return {
    lines: new Set(lines),
    freeDiskBytes: ["/", "/var/tmp"].reduce((sum, path) => sum + free(path), 0),
  };
}

/** What this process holds open, as the kernel names it. */
export function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`).replace(/\d+/, "")];
    } catch {
      return []; // the listing's own
    }
  });
}

// An engine mounts for whoever uses it; its containers are looked for by name.
function notTheEngines(line: string): boolean {
  return !/\/overlay2\/|\/netns\/|\/containers\/[0-9a-f]{64}\/|\/runtime-runc\//.test(line);
}

function strange(folder: string, insideUids: readonly number[]): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^hostile-(big|probe|before)/.test(name) || insideUids.includes(ownerOf(join(folder, name))))
    .map((name) => `file ${join(folder, name)}`);
}

function ownerOf(path: string): number {
  try {
    return lstatSync(path).uid;
  } catch {
    return -1; // it went meanwhile
  }
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

export interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly started: string;
}

/** Everything that runs below `pid`. */
export function below(pid: number, all = running()): Running[] {
  return all.filter(({ parent }) => parent === pid).flatMap((found) => [found, ...below(found.pid, all)]);
}

/** Every process that this one can see, zombies included. */
export function running(): Running[] {
  return pids().flatMap((pid) => {
    const stat = readLines(`/proc/${pid}/stat`)[0] ?? "";
    if (stat === "") return [];
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const command = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return [{ pid, parent: Number(fields[1]), command, started: String(fields[19]) }];
  });
}

/** The processes whose cgroup path holds one of `parts`, as `pid command`. */
export function runningIn(parts: readonly string[]): string[] {
  if (parts.length === 0) return [];
  return pids().flatMap((pid) => {
    const path = readLines(`/proc/${pid}/cgroup`).find((line) => parts.some((part) => line.includes(part)));
    return path === undefined ? [] : [`${pid} ${readLines(`/proc/${pid}/comm`)[0] ?? ""}`];
  });
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The lines of a file of the kernel's; none where it is absent or its process has gone. */
export function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
