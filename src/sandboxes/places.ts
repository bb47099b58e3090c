export interface Places {
  /** Waits for a place, first come first served; calling what it returns gives the place back, once. */
  take(signal: AbortSignal): Promise<() => void>;
  /** How many are taken, how many there are, and how many wait for one. */
  occupancy(): { readonly open: number; readonly limit: number; readonly waiting: number };
}

/** Gives out at most `count` places at a time. */
export function places(count: number): Places {
  let free = count;
  const waiting: (() => void)[] = [];

  function place(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = waiting.shift();
      if (next) next();
      else free++;
    };
  }

  return {
    take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free--;
        return Promise.resolve(place());
      }
      return new Promise((resolve, reject) => {
        const granted = () => {
          signal.removeEventListener("abort", aborted);
          resolve(place());
        };
        const aborted = () => {
          waiting.splice(waiting.indexOf(granted), 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", aborted, { once: true });
        waiting.push(granted);
      });
    },
    occupancy: () => ({ open: count - free, limit: count, waiting: waiting.length }),
  };
}
