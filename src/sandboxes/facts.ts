// What a backend stands on here, for `tracemill doctor`: looked at, nothing started or changed.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { cgroupHomes, findCgroupRoots, isWritable, readOnlyRoots } from "./cgroup.ts";

/** Facts by their names, in words. */
export type Facts = Readonly<Record<string, string>>;

/** The engine's version, seccomp, cgroups, runtimes and storage; nothing where no engine answers. */
export async function dockerFacts(): Promise<Facts> {
  const { default: Engine } = await import("dockerode");
  const info = (await new Engine({ timeout: 5000 }).info().catch(() => null)) as EngineInfo | null; // `lacks` says that none answers
  if (info === null) return {};
  const security = (info.SecurityOptions ?? []).map((option) => option.replace(/^name=/, ""));
  return {
    engine: `${info.ServerVersion} on ${info.OperatingSystem}, kernel ${info.KernelVersion}`,
    seccomp: security.find((option) => option.startsWith("seccomp"))?.replace(/^seccomp,?/, "") || "none",
    security: security.filter((option) => !option.startsWith("seccomp")).join(", ") || "nothing else",
    cgroups: `v${info.CgroupVersion ?? "1"}, driver ${info.CgroupDriver}`,
    runtimes: Object.keys(info.Runtimes ?? {}).join(", "),
    storage: info.Driver,
  };
}

interface EngineInfo {
  readonly ServerVersion: string;
  readonly OperatingSystem: string;
  readonly KernelVersion: string;
  readonly SecurityOptions?: readonly string[];
  readonly CgroupVersion?: string;
  readonly CgroupDriver: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly Driver: string;
}

/** bubblewrap's version, whether user namespaces may be made, which cgroups there are and whose they are; nothing but on Linux. */
export async function bubblewrapFacts(): Promise<Facts> {
  if (process.platform !== "linux") return {};
  const uid = process.getuid?.() ?? 0;
  const version = await promisify(execFile)("/usr/bin/bwrap", ["--version"]).catch(() => null); // `lacks` says that it is missing
  return {
    bubblewrap: version === null ? "not installed" : version.stdout.trim().replace(/^bubblewrap /, ""),
    "user namespaces": userNamespaces(),
    cgroups: cgroups(),
    delegation: delegation(uid),
  };
}

function userNamespaces(): string {
  const most = read("/proc/sys/user/max_user_namespaces");
  if (most === "0") return "none may be made (user.max_user_namespaces is 0)";
  if (read("/proc/sys/kernel/unprivileged_userns_clone") === "0")
    return "root alone may make one (kernel.unprivileged_userns_clone is 0)";
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1")
    return "AppArmor restricts those of ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)";
  return most === null ? "not known" : `everybody may make one (at most ${most})`;
}

function cgroups(): string {
  const roots = findCgroupRoots();
  if (roots === null) return "none with memory, pids and cpu";
  const closed = readOnlyRoots(roots);
  return `${roots.kind}${closed.length === 0 ? "" : `, read-only: ${closed.join(", ")}`}`;
}

function delegation(uid: number): string {
  const roots = findCgroupRoots();
  if (roots === null) return "nothing to delegate";
  if (uid === 0) return "root makes its own";
  if (roots.kind === "v2")
    return existsSync(`/run/user/${uid}/systemd`)
      ? `by the systemd session of user ${uid}`
      : `no systemd session of user ${uid}`;
  const missing = cgroupHomes(roots, uid).filter((home) => !isWritable(home));
  return missing.length === 0 ? `cgroups are user ${uid}'s` : `not writable by user ${uid}: ${missing.join(", ")}`;
}

function read(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
}
