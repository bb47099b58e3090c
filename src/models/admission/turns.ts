/** One request that waits for its turn. */
export interface Turn {
  /** Requests of one lane wait behind each other; lanes take turns. */
  readonly lane: string;
  /** Counted from 1. Within a lane later tries go before first ones. */
  readonly tries: number;
  readonly signal: AbortSignal;
  /** Told once that it stopped, with the signal's reason or another; never after it was taken. */
  stop(reason: unknown): void;
}

/** What a caller says of the request whose turn it is: it goes, its lane is passed over, or everybody waits. */
export type MayGo = "go" | "pass" | "wait";

/** Requests that wait, by lane. Adding, taking and stopping cost the same however many wait. */
export interface Turns<T extends Turn> {
  readonly size: number;
  add(turn: T): void;
  /** Takes the next request in the order of turns that `mayGo`; null where none may. */
  next(mayGo: (turn: T) => MayGo): T | null;
  /** Takes the request that has been tried least often where it `mayGo`; null where it may not or nobody waits. */
  leastTried(mayGo: (turn: T) => boolean): T | null;
  /** Takes every request that `isMeant`. Looks at all of them. */
  takeAll(isMeant: (turn: T) => boolean): T[];
  /** The least of what is measured of those who wait; Infinity where nobody does. Looks at all of them. */
  least(measured: (turn: T) => number): number;
}

interface Lane<T> {
  readonly name: string;
  /** By tries, most first; each a first-in-first-out list. Who stopped leaves its set of `waiting` and is dropped here when met. */
  readonly levels: { readonly tries: number; turns: T[]; head: number }[];
}

/** Nobody waits yet. `changed` is called when somebody stopped waiting by a signal. */
export function createTurns<T extends Turn>(changed: () => void): Turns<T> {
  const waiting = new Set<T>();
  const lanes: Lane<T>[] = [];
  const byName = new Map<string, Lane<T>>();
  let cursor = 0;
  // One listener for each signal, not for each request: thousands share one, and listeners are found by walking their list.
  const signals = new Map<AbortSignal, { readonly turns: Set<T>; readonly stop: () => void }>();

  function listen(turn: T): void {
    const known = signals.get(turn.signal);
    if (known !== undefined) {
      known.turns.add(turn);
      return;
    }
    const turns = new Set([turn]);
    const stop = () => {
      signals.delete(turn.signal);
      for (const each of turns) {
        waiting.delete(each);
        each.stop(turn.signal.reason);
      }
      changed();
    };
    signals.set(turn.signal, { turns, stop });
    turn.signal.addEventListener("abort", stop, { once: true });
  }

  function leave(turn: T): void {
    waiting.delete(turn);
    const known = signals.get(turn.signal);
    if (known === undefined) return;
    known.turns.delete(turn);
    if (known.turns.size > 0) return;
    signals.delete(turn.signal);
    turn.signal.removeEventListener("abort", known.stop);
  }

  /** The first of a level that still waits. */
  function firstOf(level: Lane<T>["levels"][number]): T | null {
    for (; level.head < level.turns.length; level.head += 1) {
      const turn = level.turns[level.head] as T;
      if (!waiting.has(turn)) continue;
      // What was taken must not pile up where somebody always waits.
      if (level.head > 1024 && level.head * 2 > level.turns.length) {
        level.turns = level.turns.slice(level.head);
        level.head = 0;
      }
      return turn;
    }
    level.turns = [];
    level.head = 0;
    return null;
  }

  function headOf(lane: Lane<T>): T | null {
    for (const level of lane.levels) {
      const turn = firstOf(level);
      if (turn !== null) return turn;
    }
    return null;
  }

  function forget(lane: Lane<T>): void {
    const index = lanes.indexOf(lane);
    lanes.splice(index, 1);
    byName.delete(lane.name);
    if (index < cursor) cursor -= 1;
  }

  return {
    get size() {
      return waiting.size;
    },
    add(turn) {
      waiting.add(turn);
      listen(turn);
      let lane = byName.get(turn.lane);
      if (lane === undefined) {
        lane = { name: turn.lane, levels: [] };
        byName.set(turn.lane, lane);
        lanes.push(lane);
      }
      const at = lane.levels.findIndex((level) => level.tries <= turn.tries);
      const level = lane.levels[at];
      if (level?.tries === turn.tries) level.turns.push(turn);
      else lane.levels.splice(at === -1 ? lane.levels.length : at, 0, { tries: turn.tries, turns: [turn], head: 0 });
    },
    next(mayGo) {
      for (let looked = 0; looked < lanes.length; ) {
        if (cursor >= lanes.length) cursor = 0;
        const lane = lanes[cursor] as Lane<T>;
        const turn = headOf(lane);
        if (turn === null) {
          forget(lane);
          continue;
        }
        const answer = mayGo(turn);
        if (answer === "wait") return null;
        cursor += 1;
        looked += 1;
        if (answer === "pass") continue;
        leave(turn);
        return turn;
      }
      return null;
    },
    leastTried(mayGo) {
      let least: T | null = null;
      for (const lane of lanes) {
        const turn = lane.levels.map(firstOf).findLast((first) => first !== null);
        if (turn && (least === null || turn.tries < least.tries)) least = turn;
      }
      if (least === null || !mayGo(least)) return null;
      leave(least);
      return least;
    },
    takeAll(isMeant) {
      const taken = [...waiting].filter(isMeant);
      for (const turn of taken) leave(turn);
      return taken;
    },
    least(measured) {
      let least = Number.POSITIVE_INFINITY;
      for (const turn of waiting) least = Math.min(least, measured(turn));
      return least;
    },
  };
}
