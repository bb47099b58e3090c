// A small disk of its own, for tests of what happens when it is full.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Why this machine cannot have a small disk; null when it can. */
export function diskMissing(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux can mount a disk";
  try {
    execFileSync("/usr/bin/unshare", ["-m", "/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"], {
      stdio: "pipe",
    });
    return null;
  } catch (error) {
    return `this machine may not mount a disk: ${String(error)}`;
  }
}

/** Mounts a disk of `megabytes` at `path`, which is made. Disposing it unmounts it. */
export function mountDisk(path: string, megabytes: number, ...flags: string[]) {
  mkdirSync(path, { recursive: true });
  execFileSync("/bin/mount", ["-t", "tmpfs", "-o", [`size=${megabytes}m`, ...flags].join(","), "tmpfs", path]);
  const filler = join(path, "filler");
  return {
    /** Fills it until so many bytes are left. */
    fill(leaveBytes: number): void {
      const { bavail, bsize } = statfsSync(path);
      try {
        writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
      } catch (error) {
        // Whoever writes there at the same time took what was left: it is full.
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    makeRoom: () => rmSync(filler, { force: true }),
    [Symbol.dispose]: () => void execFileSync("/bin/umount", ["-l", path]),
  };
}
