// Who a sandbox belongs to, so that what a killed process left behind can be told from what a live one uses.
import { readFileSync } from "node:fs";

/** This process, as `<pid>-<start>`: unique on this machine since boot. */
export function ownerId(): string {
  return `${process.pid}-${startOf(process.pid) ?? "0"}`;
}

/** Whether the process that called itself `owner` still runs on this machine. */
export function ownerLives(owner: string): boolean {
  const [pid, start] = owner.split("-");
  if (process.platform === "linux") return startOf(Number(pid)) === start;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, in clock ticks since boot, or null when there is none or the system has no /proc. */
function startOf(pid: number): string | null {
  if (process.platform !== "linux") return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
}
