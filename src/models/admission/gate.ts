// The one place where requests to an endpoint wait: for a place, for its limits, for the end of a pause, for it to come back.
import { createBreaker } from "./breaker.ts";
import { modelLimits } from "./model-limits.ts";
import { type Asking, EndpointGone, type Place } from "./place.ts";
import { createRate } from "./rate.ts";
import { createTurns, type Turn } from "./turns.ts";
import { createWindow } from "./window.ts";

/** How busy an endpoint is: requests waiting, pauses it asked for so far, milliseconds left of the present one and since it is down. */
export interface EndpointLoad {
  readonly waiting: number;
  readonly underWay: number;
  /** As many may be under way now. */
  readonly window: number;
  readonly pauses: number;
  readonly pausedMs: number;
  readonly downMs: number;
}

/** Lets requests to one endpoint in. */
export interface Gate {
  enter(asking: Asking): Promise<Entered>;
  /** Nobody is let in, not even to look. */
  isDown(): boolean;
  load(): EndpointLoad;
}

/** A place and the way out of it. */
export interface Entered {
  readonly place: Place;
  leave(): void;
}

interface Waiting extends Turn, Asking {
  go(entered: Entered): void;
}

/** Longest wait for a reset that headers tell of, where no policy says otherwise. */
const longestResetMs = 60_000;

/** The gate of an endpoint that nobody has asked yet. */
export function createGate(options: {
  readonly concurrency: number;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}): Gate {
  const { now } = options;
  const turns = createTurns<Waiting>(() => pump());
  const window = createWindow(options.concurrency);
  const breaker = createBreaker(now);
  const stated = { requests: createRate(options.requestsPerMinute), tokens: createRate(options.tokensPerMinute) };
  const models = new Map<string, ReturnType<typeof modelLimits>>();
  let underWay = 0;
  let underWayTokens = 0;
  let sent = 0;
  let sentTokens = 0;
  // The last request after whose sending as many were under way as may be.
  let fullAt = 0;
  let pausedUntilMs = 0;
  let pauses = 0;
  let leastPatienceMs = Number.POSITIVE_INFINITY;
  let someLeave = false;
  let alarm: { readonly atMs: number; readonly off: AbortController } | null = null;

  function modelOf(name: string) {
    const known = models.get(name);
    if (known !== undefined) return known;
    const fresh = modelLimits();
    models.set(name, fresh);
    return fresh;
  }

  function wakeAt(atMs: number): void {
    if (alarm !== null && alarm.atMs <= atMs) return;
    alarm?.off.abort();
    const off = new AbortController();
    const mine = { atMs, off };
    alarm = mine;
    const rings = () => {
      if (alarm !== mine) return;
      alarm = null;
      pump();
    };
    options.sleep(Math.max(0, Math.ceil(atMs - now())), off.signal).then(rings, () => undefined); // put off below or above
  }

  function pump(): void {
    while (turns.size > 0) {
      const nowMs = now();
      if (nowMs < pausedUntilMs) {
        wakeAt(pausedUntilMs);
        return;
      }
      const turn = breaker.isOpen ? nextProbe(nowMs) : nextTurn(nowMs);
      if (turn === null) break;
      begin(turn, nowMs);
    }
    // A wait for nobody must not keep the process alive.
    if (turns.size > 0) return;
    alarm?.off.abort();
    alarm = null;
    leastPatienceMs = Number.POSITIVE_INFINITY;
  }

  function modelReadyAt({ model, tokens }: Waiting, nowMs: number): number {
    return modelOf(model).readyAt(tokens, nowMs, { requests: underWay, tokens: underWayTokens });
  }

  function statedReadyAt({ tokens }: Waiting, nowMs: number): number {
    return Math.max(stated.requests.readyAt(1, nowMs), stated.tokens.readyAt(tokens, nowMs));
  }

  function nextTurn(nowMs: number): Waiting | null {
    if (underWay >= window.size) return null;
    let soonestMs = Number.POSITIVE_INFINITY;
    const turn = turns.next((next) => {
      const readyMs = modelReadyAt(next, nowMs);
      if (readyMs > nowMs) {
        soonestMs = Math.min(soonestMs, readyMs);
        return "pass";
      }
      const statedMs = statedReadyAt(next, nowMs);
      if (statedMs <= nowMs) return "go";
      // Whoever is passed over for needing much would never come in.
      soonestMs = statedMs;
      return "wait";
    });
    if (turn === null && soonestMs < Number.POSITIVE_INFINITY) wakeAt(soonestMs);
    return turn;
  }

  /** Who looks whether the endpoint is back: whoever has spent least on it, so that nobody spends all tries on looking. */
  function nextProbe(nowMs: number): Waiting | null {
    let probeMs = breaker.nextProbeMs;
    if (probeMs !== null && probeMs <= nowMs) {
      const turn = turns.leastTried((least) => {
        probeMs = Math.max(modelReadyAt(least, nowMs), statedReadyAt(least, nowMs));
        return probeMs <= nowMs;
      });
      if (turn !== null) {
        breaker.probe();
        return turn;
      }
    }
    if (someLeave) {
      someLeave = false;
      for (const each of turns.takeAll(({ leavesWhenDown = false }) => leavesWhenDown))
        each.stop(new EndpointGone(breaker.lastWords));
    }
    if (probeMs === null || turns.size === 0) return null;
    const overMs = breaker.givesUpAtMs(leastPatienceMs) ?? Number.POSITIVE_INFINITY;
    if (overMs > nowMs) {
      wakeAt(Math.min(probeMs, overMs));
      return null;
    }
    const given = turns.takeAll(({ patienceMs }) => (breaker.givesUpAtMs(patienceMs) ?? nowMs) <= nowMs);
    leastPatienceMs = Number.POSITIVE_INFINITY;
    for (const each of given) each.stop(new EndpointGone(breaker.lastWords));
    if (turns.size === 0) return null;
    leastPatienceMs = turns.least(({ patienceMs }) => patienceMs);
    wakeAt(Math.min(probeMs, breaker.givesUpAtMs(leastPatienceMs) ?? probeMs));
    return null;
  }

  function begin(turn: Waiting, nowMs: number): void {
    const model = modelOf(turn.model);
    const { tokens } = turn;
    const isProbe = breaker.isOpen;
    const taken = [stated.requests.take(1, nowMs), model.requests.take(1, nowMs)];
    const takenTokens = [stated.tokens.take(tokens, nowMs), model.tokens.take(tokens, nowMs)];
    model.requestsLeft.take(1);
    model.tokensLeft.take(tokens);
    underWay += 1;
    underWayTokens += tokens;
    sent += 1;
    sentTokens += tokens;
    if (underWay >= window.size) fullAt = sent;
    const order = sent;
    const orderTokens = sentTokens;
    let isTold = false;

    /** Here and not when the place is left: who sent it has yet to write down how it ended. */
    function isOver(): void {
      if (!isTold) model.busy -= 1;
      isTold = true;
    }
    function came(tokensUsed: number): void {
      isOver();
      for (const each of takenTokens) each.correct(tokensUsed);
    }
    function learn(headers: Headers | null, maxWaitMs: number): void {
      if (headers === null) return;
      // Requests overtake each other on the way: of those under way none may be counted yet.
      const unseen = { requests: underWay - 1, tokens: Math.min(underWayTokens - tokens, sentTokens - orderTokens) };
      model.learn(headers, { order, unseen, nowMs: now(), maxWaitMs });
    }
    function isBack(): void {
      const was = breaker.answered();
      if (was === null) return;
      // A few errors in a row are no outage where what was under way beside them is answered.
      if (was.looked) window.restart();
      turn.comesBack?.(was.downMs);
    }
    function pause(ms: number | null): void {
      if (ms === null) return;
      if (pausedUntilMs <= now()) pauses += 1; // requests under way together are often told together
      pausedUntilMs = Math.max(pausedUntilMs, now() + ms);
    }

    const place: Place = {
      answered(headers, tokensUsed) {
        came(tokensUsed);
        learn(headers, longestResetMs);
        window.grow(fullAt >= order);
        model.refusals.answered();
        isBack();
      },
      refused(headers, kind) {
        came(0);
        learn(headers, longestResetMs);
        isBack();
        return model.refusals.refused(kind, model.busy);
      },
      limited(headers, { pauseMs, maxWaitMs }) {
        came(0);
        learn(headers, maxWaitMs);
        window.shrink(order, sent);
        isBack();
        pause(pauseMs);
      },
      unanswered({ words, pauseMs, isOverload }) {
        isOver();
        if (isOverload) window.shrink(order, sent);
        pause(pauseMs);
        return breaker.unanswered({ words, patienceMs: turn.patienceMs, isFirstTry: turn.tries === 1, isProbe });
      },
      stopped() {
        isOver();
        if (isProbe) breaker.unprobe();
      },
    };

    turn.go({
      place,
      leave() {
        underWay -= 1;
        underWayTokens -= tokens;
        if (!isTold) {
          isOver();
          for (const each of [...taken, ...takenTokens]) each.correct(0);
          model.requestsLeft.giveBack(1);
          model.tokensLeft.giveBack(tokens);
          if (isProbe) breaker.unprobe();
        }
        pump();
      },
    });
  }

  return {
    enter(asking) {
      return new Promise<Entered>((resolve, reject) => {
        const model = modelOf(asking.model);
        model.busy += 1;
        leastPatienceMs = Math.min(leastPatienceMs, asking.patienceMs);
        someLeave ||= asking.leavesWhenDown ?? false;
        turns.add({
          ...asking,
          lane: `${asking.stage} ${asking.model}`,
          tries: asking.priority,
          go: resolve,
          stop(reason) {
            model.busy -= 1;
            reject(reason);
          },
        });
        pump();
      });
    },
    isDown: () => breaker.isOpen && (breaker.nextProbeMs === null || breaker.nextProbeMs > now()),
    load: () => ({
      waiting: turns.size,
      underWay,
      window: window.size,
      pauses,
      pausedMs: Math.max(0, pausedUntilMs - now()),
      downMs: breaker.downMs,
    }),
  };
}
