// Which processes a process started, told apart from later ones with the same number. Linux.
import { readdirSync, readFileSync } from "node:fs";

export interface Descendant {
  readonly pid: number;
  readonly started: string;
  readonly command: string;
}

/** Everything below `pid` that runs now. */
export function descendants(pid: number): Descendant[] {
  const all = processes();
  const below = (parent: number): Descendant[] =>
    all.filter((process) => process.parent === parent).flatMap((process) => [process, ...below(process.pid)]);
  return below(pid);
}

/** Those of them that still run. */
export function stillRunning(known: readonly Descendant[]): Descendant[] {
  const now = new Set(processes().map(({ pid, started }) => `${pid} ${started}`));
  return known.filter(({ pid, started }) => now.has(`${pid} ${started}`));
}

function processes(): (Descendant & { parent: number })[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (fields[0] === "Z") return [];
        const command = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
        return [{ pid: Number(name), parent: Number(fields[1]), started: String(fields[19]), command }];
      } catch {
        return []; // it ended meanwhile
      }
    });
}
