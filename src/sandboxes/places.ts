/** Gives out at most `count` places at a time, first come first served. A place is given back by calling what `take` returned, once. */
export function places(count: number): { take(signal: AbortSignal): Promise<() => void> } {
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
  };
}
