// What is told of a sandbox that stands on this machine or on its engine, whoever's it is.

/** A sandbox as it is found by its marks, not by memory: also one whose owner is gone. */
export interface RunningSandbox {
  /** Name of the backend that made it. */
  readonly backend: string;
  /** Container id, or name of the cgroup. */
  readonly id: string;
  /** Who it was opened for; empty where nobody can tell. */
  readonly label: string;
  /** Process id of the program that opened it, on its own machine. */
  readonly ownerPid: number;
  /** Whether that program still runs; also true where it may run on another machine and nobody here can tell. */
  readonly ownerAlive: boolean;
  /** ISO time; null where nobody can tell. */
  readonly createdAt: string | null;
  /** What it uses now, files in memory included; null where that cannot be read. */
  readonly memoryBytes: number | null;
}
