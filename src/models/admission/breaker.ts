/** When an endpoint that does not answer is left alone. */
export const breakerPolicy = {
  /** So many first tries with no answer between: further ones may be of requests that break it by what they hold. */
  firstTries: 5,
  firstPauseMs: 1_000,
  /** Pauses between looks double up to this. */
  longestPauseMs: 30_000,
};

/** Leaves an endpoint alone that does not answer: nobody is sent but one request after each pause, to look. Times in milliseconds. */
export interface Breaker {
  /** It answered something, be it a refusal. Returns for how long it was down where it was; `looked`: somebody had to look. */
  answered(): { readonly downMs: number; readonly looked: boolean } | null;
  /** A request ended without an answer. Returns how soon somebody looks again, where it is down now and this is news. */
  unanswered(options: {
    readonly words: string;
    readonly patienceMs: number;
    readonly isFirstTry: boolean;
    readonly isProbe: boolean;
  }): number | null;
  /** A request was sent to look. */
  probe(): void;
  /** The look was broken off before it showed anything. */
  unprobe(): void;
  readonly isOpen: boolean;
  /** When the next look is due; null while one is under way, or where nobody needs to look. */
  readonly nextProbeMs: number | null;
  /** When everybody with so much patience gives up, counted from the first request without an answer; a look under way is waited for. */
  givesUpAtMs(patienceMs: number): number | null;
  readonly lastWords: string;
  readonly downMs: number;
}

/** The breaker of an endpoint that nobody has asked yet. */
export function createBreaker(now: () => number): Breaker {
  let failures = 0;
  let firstTries = 0;
  let firstMs = 0;
  let lastWords = "";
  let open: { pauseMs: number; nextMs: number; isProbing: boolean; looks: number } | null = null;

  return {
    answered() {
      const was = open === null ? null : { downMs: now() - firstMs, looked: open.looks > 0 };
      failures = 0;
      firstTries = 0;
      open = null;
      return was;
    },
    unanswered({ words, patienceMs, isFirstTry, isProbe }) {
      if (failures === 0) firstMs = now();
      failures += 1;
      if (isFirstTry) firstTries += 1;
      lastWords = words;
      if (open === null) {
        const isLong = failures > 1 && patienceMs > 0 && now() - firstMs >= patienceMs;
        if (firstTries < breakerPolicy.firstTries && !isLong) return null;
        const pauseMs = breakerPolicy.firstPauseMs;
        open = { pauseMs, nextMs: now() + pauseMs, isProbing: false, looks: 0 };
        return pauseMs;
      }
      if (!isProbe) return null;
      open.isProbing = false;
      open.pauseMs = Math.min(open.pauseMs * 2, breakerPolicy.longestPauseMs);
      open.nextMs = now() + open.pauseMs;
      return open.pauseMs;
    },
    probe() {
      if (open === null) return;
      open.isProbing = true;
      open.looks += 1;
    },
    unprobe() {
      if (open !== null) open.isProbing = false;
    },
    get isOpen() {
      return open !== null;
    },
    get nextProbeMs() {
      return open === null || open.isProbing ? null : open.nextMs;
    },
    givesUpAtMs(patienceMs) {
      return open === null || open.isProbing ? null : firstMs + patienceMs;
    },
    get lastWords() {
      return lastWords;
    },
    get downMs() {
      return open === null ? 0 : now() - firstMs;
    },
  };
}
