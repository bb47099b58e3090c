/** So much a minute, of requests or tokens: never more in any minute, and spread over it. Times are milliseconds. */
export interface Rate {
  setLimit(perMinute: number): void;
  /** When `amount` may go at the earliest; `nowMs` where it may go now. What is more than a whole minute's goes alone. */
  readyAt(amount: number, nowMs: number): number;
  /** It goes now. */
  take(amount: number, nowMs: number): Taken;
}

/** What was taken; `correct` says what it came to, once that is known. */
export interface Taken {
  correct(amount: number): void;
}

// A minute and the time that a request may take to get there, or two could arrive within a minute that were sent further apart.
const windowMs = 61_000;
/** The share of a minute's amount that may go at once after a lull. */
const burst = 1 / 20;

/** A rate at which nothing has gone yet. */
export function createRate(perMinute: number | null = null): Rate {
  let limit = perMinute;
  // What went within the last minute, oldest first, from `head` on.
  let went: { readonly atMs: number; amount: number }[] = [];
  let head = 0;
  let sum = 0;
  // What may go at once: fills up at the limit's pace, and may be overdrawn by one large request.
  let level = Number.POSITIVE_INFINITY;
  let levelMs = 0;

  const most = (): number => Math.max(1, (limit ?? 0) * burst);

  function look(nowMs: number): void {
    while (head < went.length) {
      const oldest = went[head] as { atMs: number; amount: number };
      if (nowMs - oldest.atMs <= windowMs) break;
      sum -= oldest.amount;
      oldest.amount = 0;
      head += 1;
    }
    if (head === went.length) {
      went = [];
      head = 0;
      sum = 0;
    } else if (head > 1024 && head * 2 > went.length) {
      went = went.slice(head);
      head = 0;
    }
    if (limit === null) return;
    level = Math.min(most(), level + ((nowMs - levelMs) * limit) / 60_000);
    levelMs = nowMs;
  }

  return {
    setLimit(next) {
      limit = next;
    },
    readyAt(amount, nowMs) {
      if (limit === null) return nowMs;
      look(nowMs);
      const lacks = Math.min(amount, most()) - level;
      const pacedMs = lacks <= 1e-9 ? nowMs : nowMs + (lacks * 60_000) / limit;
      let left = sum;
      let index = head;
      let freeMs = nowMs;
      while (index < went.length && left > 0 && left + amount > limit) {
        const next = went[index++] as { atMs: number; amount: number };
        left -= next.amount;
        freeMs = next.atMs + windowMs + 1;
      }
      return Math.max(pacedMs, freeMs);
    },
    take(amount, nowMs) {
      look(nowMs);
      const taken = { atMs: nowMs, amount };
      went.push(taken);
      sum += amount;
      level -= amount;
      let isOver = false;
      return {
        correct(actual) {
          if (isOver) return;
          isOver = true;
          const less = amount - actual;
          level += less;
          // Nothing to take back of what left the window already.
          if (taken.amount === 0 && amount !== 0) return;
          sum -= less;
          taken.amount = actual;
        },
      };
    },
  };
}
