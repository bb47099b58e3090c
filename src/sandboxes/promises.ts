// What each backend promises, for `tracemill doctor` and docs/sandbox.md. `held` is what the probe or the conformance kit shows.
import { findCgroupRoots } from "./cgroup.ts";

/** Something a backend keeps from the code or guarantees to the host; "unproven" where it could not be tried on such a machine. */
export interface Promised {
  readonly promise: string;
  readonly held: boolean | "unproven";
  /** Rows of docs/hostile.md that are not promised where it is not held. */
  readonly rows?: readonly number[];
}

/** The rows of docs/hostile.md that these promises leave open, in order. */
export function rowsLeftOpen(promises: readonly Promised[]): number[] {
  const open = promises.flatMap(({ held, rows }) => (held === true ? [] : (rows ?? [])));
  return [...new Set(open)].sort((a, b) => a - b);
}

const shared: readonly Promised[] = [
  { promise: "no network, not even the host's own", held: true },
  { promise: "data is read-only; of the host nothing else but its libraries is visible", held: true },
  { promise: "no capabilities, no new privileges, an unprivileged user also to the kernel", held: true },
  { promise: "memory, process and CPU limits by cgroup, without swap", held: true, rows: [1, 2, 3, 4, 5, 6, 10] },
  { promise: "temporary files bounded in size", held: true },
  { promise: "everything inside ends with the sandbox, and with the host process", held: true },
];

const interpreterReplaced: Promised = {
  promise: "answers from Python alone, once code has put another program in the interpreter's place",
  held: false,
  rows: [36],
};

const sharedByAll: readonly Promised[] = [
  interpreterReplaced,
  { promise: "a kernel of its own", held: false },
  {
    promise: "inotify instances and pseudo-terminals of its own (all sandboxes share the kernel's)",
    held: false,
    rows: [49],
  },
  { promise: "the host's load, memory, processors and kernel version not to be seen", held: false, rows: [52] },
];

/** `runtime` is what `sandbox.runtime` asks for. */
export function dockerPromises(runtime?: string): readonly Promised[] {
  if (runtime !== undefined && isGvisorName(runtime)) return gvisorPromises();
  return [
    ...shared,
    { promise: "temporary files bounded in number (in /dev/shm only by memory)", held: true },
    { promise: "system calls filtered (the engine's default seccomp profile)", held: true },
    { promise: "io_uring, AF_VSOCK and AF_ALG refused (by a filter of our own, on top of the engine's)", held: true },
    { promise: "the names of the host's folders not to be seen", held: false, rows: [52] },
    ...sharedByAll,
    { promise: "rootless engines and user-namespace remapping", held: "unproven" },
  ];
}

/** Whether a runtime of such a name, program or type is gVisor. */
export function isGvisorName(name: string): boolean {
  return /runsc|gvisor/.test(name);
}

function gvisorPromises(): readonly Promised[] {
  return [
    ...shared,
    { promise: "a kernel of its own (gVisor): no call of the code's reaches the host's", held: true },
    { promise: "a sandbox that outlives its memory and process limits", held: false, rows: [1, 3, 10, 59] },
    { promise: "temporary files bounded in number (only by memory)", held: false, rows: [8] },
    { promise: "threads bounded in number (only by memory)", held: false, rows: [2] },
    {
      promise: "the supervisor's descriptors out of the code's reach (no secret is there)",
      held: false,
      rows: [16, 22, 26],
    },
    { promise: "no further user namespaces inside (they are its own kernel's)", held: false, rows: [18, 19, 21] },
    { promise: "an end from outside (`docker kill`) told from one by the code", held: false },
    interpreterReplaced,
  ];
}

export function bubblewrapPromises(): readonly Promised[] {
  const v2 = process.platform === "linux" && findCgroupRoots()?.kind === "v2";
  return [
    ...shared.map((entry) =>
      v2 && entry.promise.includes("cgroup") ? { ...entry, held: "unproven" as const } : entry,
    ),
    { promise: "no further user namespaces inside", held: true },
    { promise: "temporary files bounded in number", held: true },
    {
      promise: "system calls filtered (our own allow-list, stricter than Docker's)",
      held: process.arch === "x64" ? true : "unproven",
      rows: [19, 22, 49],
    },
    { promise: "the names of the host's folders not to be seen (where overlayfs takes the data)", held: true },
    ...sharedByAll,
  ];
}
