/** How many requests an endpoint takes at once, found out by asking: more while all goes well, half when it says that it is too many. */
export interface Window {
  /** A whole number from 1. */
  readonly size: number;
  /** A request was answered; `wasFull`: as many were under way as may be, or more at once would prove nothing. */
  grow(wasFull: boolean): void;
  /** It was too many. `sent` is the place in the order of sending of the request that was told so, `last` that of the last one sent. */
  shrink(sent: number, last: number): void;
  /** Begins small again. */
  restart(): void;
}

/** Requests at once to an endpoint that has not answered yet. */
export const firstWindow = 4;

/** Doubles with each round trip until it was too many for the first time, then grows by one a round trip; never above `most`. */
export function createWindow(most: number): Window {
  let size = Math.min(firstWindow, most);
  let isRamping = true;
  let shrunkAt = 0;
  return {
    get size() {
      return Math.floor(size);
    },
    grow(wasFull) {
      if (wasFull) size = Math.min(most, size + (isRamping ? 1 : 1 / Math.floor(size)));
    },
    shrink(sent, last) {
      // Those sent before it shrank met the old size: their errors say nothing new.
      if (sent <= shrunkAt) return;
      shrunkAt = last;
      isRamping = false;
      size = Math.max(1, size / 2);
    },
    restart() {
      size = Math.min(firstWindow, most);
      isRamping = true;
    },
  };
}
