// What each backend promises, for `tracemill doctor` and docs/sandbox.md. `held` is what the probe or the conformance kit shows.
import { findCgroupRoots } from "./cgroup.ts";

/** Something a backend keeps from the code or guarantees to the host; "unproven" where it could not be tried on such a machine. */
export interface Promised {
  readonly promise: string;
  readonly held: boolean | "unproven";
  /** Rows of the hostile catalogue (hostile/README.md) that are about it. */
  readonly rows?: readonly number[];
}

const shared: readonly Promised[] = [
  { promise: "no network, not even the host's own", held: true },
  { promise: "data is read-only; of the host nothing else but its libraries is visible", held: true },
  { promise: "no capabilities, no new privileges, an unprivileged user also to the kernel", held: true },
  { promise: "memory, process and CPU limits by cgroup, without swap", held: true },
  { promise: "temporary files bounded in size", held: true },
  { promise: "everything inside ends with the sandbox, and with the host process", held: true },
];

export function dockerPromises(): readonly Promised[] {
  return [
    ...shared,
    { promise: "temporary files bounded in number", held: true },
    { promise: "system calls filtered (the engine's default seccomp profile)", held: true },
    { promise: "a kernel of its own (runsc, virtual machines)", held: false },
    { promise: "rootless engines and user-namespace remapping", held: "unproven" },
  ];
}

export function bubblewrapPromises(): readonly Promised[] {
  const v2 = process.platform === "linux" && findCgroupRoots()?.kind === "v2";
  return [
    ...shared.map((entry) =>
      v2 && entry.promise.includes("cgroup") ? { ...entry, held: "unproven" as const } : entry,
    ),
    { promise: "no further user namespaces inside", held: true },
    { promise: "temporary files bounded in number (only by memory)", held: false },
    { promise: "system calls filtered", held: false },
    { promise: "a kernel of its own", held: false },
  ];
}
