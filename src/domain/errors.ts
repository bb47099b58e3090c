/** What broke when an item could not be processed. Such an item is owed: it is never rejected and never scored. */
export type FailureKind = "provider" | "sandbox" | "judge" | "disk";

/**
 * How a sandbox broke, and never by the code's doing: it went away (`sandbox_lost`), the engine that runs sandboxes does not answer
 * (`backend_down`), what came over the protocol was not ours (`protocol_violation`), or it did not come up (`open_failed`).
 */
export type FailureCode = "sandbox_lost" | "backend_down" | "protocol_violation" | "open_failed";

/** Infrastructure broke. The item is owed and a later run tries it again. `code` says more where a kind breaks in several ways. */
export class FailureError extends Error {
  override readonly name = "FailureError";
  readonly kind: FailureKind;
  declare readonly code: FailureCode | undefined;
  constructor(kind: FailureKind, message: string, options?: { cause?: unknown; code?: FailureCode | undefined }) {
    super(message, options);
    this.kind = kind;
    if (options?.code !== undefined) this.code = options.code;
  }
}

/** What broke, in one word: `provider`, or `sandbox/backend_down` where there is a code. */
export function whatBroke({ kind, code }: Pick<FailureError, "kind" | "code">): string {
  return code === undefined ? kind : `${kind}/${code}`;
}

/** The item can never succeed (context overflow, content filter, refusal …): dropped for good, with a reason code. */
export class RejectionError extends Error {
  override readonly name = "RejectionError";
  readonly code: string;
  readonly evidence: unknown;
  constructor(code: string, message: string, options?: { evidence?: unknown; cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.evidence = options?.evidence;
  }
}

/** A person asked for something that cannot be done as asked. Says what, where, and the way out. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The store could not commit (full disk, I/O error). Ends the run with this one sentence; nothing committed is lost. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** A budget does not hold what an item needs: it stays pending, all else goes on, and the run ends with exit code 4. */
export class BudgetError extends Error {
  override readonly name = "BudgetError";
}

/** What went wrong first, where closing something went wrong after it. */
export function firstError(error: unknown): unknown {
  const { name, suppressed } = error instanceof Error ? (error as Error & { suppressed?: unknown }) : {};
  return name === "SuppressedError" ? firstError(suppressed) : error;
}

const fullDisks: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full (free some space, then run the same command again)",
  EDQUOT: "your quota on the disk is used up (free some space or have it raised, then run the same command again)",
};

/** What the code of a system error says of a disk that takes nothing more, with the way out; null for any other code. */
export function fullDisk(code: unknown): string | null {
  return typeof code === "string" ? (fullDisks[code] ?? null) : null;
}
