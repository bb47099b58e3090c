/** Runs `send` when the endpoint may take one more request. */
export interface Admission {
  /** @throws the signal's reason when it aborts before the request was admitted; whatever `send` throws. */
  admit<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Lets nobody in for so long: the endpoint said 429 or Retry-After. */
  pause(ms: number): void;
}

export interface AdmissionLimits {
  readonly concurrency: number;
  readonly requestsPerMinute: number | null;
}

/** Finds the admission of an endpoint; `key` says which endpoint and account, and is kept only as a hash. */
export interface Admissions {
  of(key: string, limits: AdmissionLimits): Admission;
}
