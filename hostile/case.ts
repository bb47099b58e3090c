// What a hostile case is, what it is handed, and what a sandbox must offer to be tried.
import type { Sandbox, SandboxLimits } from "../src/contracts.ts";
import type { StepResult } from "../src/domain/trajectory.ts";

/** What a case goes for; also the group after which the host is looked over for anything left behind. */
export const kinds = [
  "processes",
  "memory",
  "disk",
  "cpu",
  "network",
  "secrets",
  "data",
  "kernel",
  "supervisor",
  "output",
  "language",
  "files",
  "grading",
  "limits",
  "operations",
  "legitimate",
  "prompt",
] as const;
/** One of `kinds`. */
export type Kind = (typeof kinds)[number];

/** One nasty thing that code may try, and what must come of it. The same code runs on every target. */
export interface HostileCase {
  /** Of the catalogue, 1 to 62. */
  readonly row: number;
  /** Short and unique: "fork bomb in Python". */
  readonly name: string;
  readonly kind: Kind;
  /** Left out of the slice that `.ci/run` runs. */
  readonly slow?: boolean;
  /** What stands open, where the case is known to fail: shown in the table, and an error once the case holds. */
  readonly knownGap?: string;
  /** Works on one session of `target` and says what it saw; throws (node:assert) when the outcome is not the safe one. */
  run(context: HostileContext): Promise<Seen>;
}

/** What a case is handed. */
export interface HostileContext {
  readonly target: Target;
  /** A sandbox of the case's own, closed by the harness. */
  open(): Promise<Session>;
  /** Planted on the host: in the harness's environment, in a file, in another process's argv and environment. */
  readonly secret: string;
  /** Host folder shown as /data: cars.csv, notes.txt. */
  readonly dataDir: string;
  /** Host folder that is never shown, with answer.csv holding `secret`. */
  readonly hostDir: string;
}

/** One sandbox with its steps told as an agent and a record tell them. */
export interface Session {
  run(code: string): Promise<Step>;
  collect(path: string, maxBytes?: number): Promise<Collected>;
  close(): Promise<void>;
  readonly raw: Tried;
}

/** A step with its streams as whole texts (head and tail joined); `observation` is what the agent is shown. */
export interface Step {
  readonly end: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly result: string | null;
  /** `Name: message` of the Python exception. */
  readonly error: string | null;
  readonly stateLost: boolean;
  readonly observation: string;
  readonly raw: StepResult;
}

/** A file taken out of a sandbox after everything in it was ended, or why it was not. */
export type Collected =
  | { readonly bytes: Uint8Array; readonly sha256: string }
  | {
      readonly refused: "missing" | "not_a_regular_file" | "too_large" | "outside" | "linked" | "unreadable";
      readonly detail: string;
    };

/** What came of a case. */
export interface Seen {
  /** What the agent is told, in one line. */
  readonly agentSees: string;
  /** The typed ends: `oom, stateLost`. */
  readonly record: string;
  /** Why this target does not promise the row: observed, not supposed. */
  readonly notHeld?: string;
}

/** What a sandbox is opened for; `label` names it on the host and is never visible inside. */
export interface TargetRequest {
  readonly dataDir: string;
  readonly label: string;
  readonly signal: AbortSignal;
}

/** A sandbox as far as cases use it. */
export type Tried = Pick<Sandbox, "run" | "collect"> & AsyncDisposable;

/** A way to isolate code that is to be tried, opened and ready. */
export interface Target {
  readonly name: "docker" | "docker+runsc" | "bubblewrap (root)" | "bubblewrap (user)" | (string & {});
  /** Whose it is: "docker", "bubblewrap", or a name of yours. */
  readonly kind: string;
  readonly limits: SandboxLimits;
  /** What ran, for the table: backend, kernel, image, runtime … */
  readonly about: Readonly<Record<string, string>>;
  /** Rows it is known not to hold, and why: tried all the same, and told as not promised where they fail. */
  readonly notPromised?: Readonly<Record<number, string>>;
  open(request: TargetRequest): Promise<Tried>;
  /** Everything of this target's that is on the host now and shall be gone once its sandbox is: containers, cgroups, processes. A line each. */
  leftOnHost(): Promise<string[]>;
  close(): Promise<void>;
}
