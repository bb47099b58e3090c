import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { breakerPolicy } from "../../src/models/admission/breaker.ts";
import { type Asking, EndpointGone, type Place } from "../../src/models/admission/place.ts";
import { refusalsEnough } from "../../src/models/admission/refusals.ts";
import { firstWindow } from "../../src/models/admission/window.ts";
import { type Admission, type AdmissionLimits, createAdmissions } from "../../src/models/admission.ts";
import { virtualTime } from "../kit/virtual-time.ts";

const endpoint = { baseUrl: "http://127.0.0.1:1/v1", key: null };
const forever = new AbortController().signal;

/** An endpoint in virtual time, the requests let in to it in order with the time of each, and what each place is told when it ends. */
function underTest(limits: AdmissionLimits = {}) {
  const time = virtualTime();
  const admission: Admission = createAdmissions(time).of(endpoint, "one", limits);
  const begun: { name: string; atMs: number }[] = [];
  const open = new Map<string, { place: Place; end: (error?: Error) => void }>();
  const failed: unknown[] = [];
  return {
    time,
    admission,
    begun,
    names: () => begun.map(({ name }) => name),
    underWay: () => open.size,
    failed,
    ask(name: string, more: Partial<Asking> = {}) {
      const asking = { signal: forever, priority: 1, stage: null, tokens: 0, model: "m", patienceMs: 900_000, ...more };
      const asked = admission.admit((place) => {
        begun.push({ name, atMs: time.now() });
        return new Promise<void>((resolve, reject) => {
          open.set(name, { place, end: (error) => (error === undefined ? resolve() : reject(error)) });
        });
      }, asking);
      asked.catch((error: unknown) => failed.push(error));
      return asked;
    },
    /** The request ends; `told` says what came. Nothing told: it was not sent. */
    async end(name: string, told?: (place: Place) => void) {
      const one = open.get(name);
      if (one === undefined) throw new Error(`Expected ${name} to be under way`);
      open.delete(name);
      told?.(one.place);
      one.end();
      await time.advance(0);
    },
    async endAll(told: (place: Place) => void) {
      for (const name of [...open.keys()]) {
        const one = open.get(name);
        open.delete(name);
        if (one) told(one.place);
        one?.end();
      }
      await time.advance(0);
    },
  };
}

const well = (place: Place) => place.answered(null, 0);
const tooMany = (place: Place) => place.limited(null, { pauseMs: null, maxWaitMs: 60_000 });
const broken = (place: Place) => place.unanswered({ words: "503 no", pauseMs: null, isOverload: false });
const headers = (fields: Record<string, string>) => new Headers(fields);

describe("places", () => {
  test("a later try goes before a first one", async () => {
    const { ask, end, names, time } = underTest({ concurrency: 1 });
    for (const name of ["a", "b"]) ask(name);
    ask("second try of c", { priority: 2 });
    await time.advance(0);
    for (const next of ["a", "second try of c", "b"]) {
      expect(names().at(-1)).toBe(next);
      await end(next, well);
    }
  });

  test("begin few, double with each round trip while all is well, and end at `concurrency`", async () => {
    const { ask, underWay, endAll, time } = underTest({ concurrency: 20 });
    for (let index = 0; index < 200; index += 1) ask(`${index}`);
    const sizes: number[] = [];
    for (let trip = 0; trip < 5; trip += 1) {
      await time.advance(0);
      sizes.push(underWay());
      await endAll(well);
    }
    expect(sizes).toEqual([firstWindow, 8, 16, 20, 20]);
  });

  test("are halved once for a round trip of 429s, never below one, and then come back one a round trip", async () => {
    const { ask, underWay, endAll, time } = underTest({ concurrency: 16 });
    for (let index = 0; index < 500; index += 1) ask(`${index}`);
    const trip = async (told: (place: Place) => void) => {
      await time.advance(0);
      await endAll(told);
      return underWay();
    };
    expect([await trip(well), await trip(well)]).toEqual([8, 16]);
    expect([await trip(tooMany), await trip(tooMany), await trip(tooMany)]).toEqual([8, 4, 2]);
    expect([await trip(tooMany), await trip(tooMany)]).toEqual([1, 1]);
    const back = [await trip(well), await trip(well), await trip(well)];
    expect(back).toEqual([2, 3, 4]);
  });

  test("do not grow while nobody needs them", async () => {
    const { ask, end, underWay, time } = underTest({ concurrency: 50 });
    for (let index = 0; index < 100; index += 1) {
      ask(`lone ${index}`);
      await time.advance(0);
      await end(`lone ${index}`, well);
    }
    for (let index = 0; index < 40; index += 1) ask(`many ${index}`);
    await time.advance(0);
    expect(underWay()).toBe(firstWindow);
  });

  test("go to stages in turn: two requests are not kept by ten thousand", async () => {
    const { ask, end, names, time } = underTest({ concurrency: 1 });
    for (let index = 0; index < 10_000; index += 1) ask(`many ${index}`, { stage: "rollouts" });
    for (let index = 0; index < 2; index += 1) ask(`few ${index}`, { stage: "judge" });
    await time.advance(0);
    for (let count = 0; count < 5; count += 1) await end(names().at(-1) as string, well);
    expect(names()).toEqual(["many 0", "few 0", "many 1", "few 1", "many 2", "many 3"]);
  });
});

describe("stopping", () => {
  test("ten thousand that share a signal wait with one listener, and all stop with its reason and without a timer", async () => {
    const { ask, admission, time, failed, end } = underTest({ concurrency: 1, requestsPerMinute: 1 });
    const controller = new AbortController();
    ask("under way");
    for (let index = 0; index < 10_000; index += 1) ask(`${index}`, { signal: controller.signal });
    await time.advance(0);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    await end("under way", well);
    expect(time.sleepers()).toBe(1);
    const reason = new Error("enough");
    controller.abort(reason);
    await time.advance(0);
    expect(failed).toHaveLength(10_000);
    expect(new Set(failed)).toEqual(new Set([reason]));
    expect(admission.load().waiting).toBe(0);
    expect(time.sleepers()).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  test("who asks with a signal that fired is not let in", async () => {
    const { ask, begun } = underTest();
    await expect(ask("late", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    expect(begun).toEqual([]);
  });

  test("a request runs in the context of whoever asked, also when another's end let it in", async () => {
    const whose = new AsyncLocalStorage<string>();
    const time = virtualTime();
    const admission = createAdmissions(time).of(endpoint, "one", { concurrency: 1 });
    const asking = { signal: forever, priority: 1, stage: null, tokens: 0, model: "m", patienceMs: 1_000 };
    const seen = await Promise.all(
      ["a", "b", "c"].map((name) => whose.run(name, () => admission.admit(async () => whose.getStore(), asking))),
    );
    expect(seen).toEqual(["a", "b", "c"]);
  });
});

describe("requests and tokens a minute", () => {
  test("are spread over the minute, after a few at once", async () => {
    const { ask, begun, time, endAll } = underTest({ requestsPerMinute: 60 });
    for (let index = 0; index < 60; index += 1) ask(`${index}`);
    for (let second = 0; second < 30; second += 1) {
      await time.advance(1_000);
      await endAll(well);
    }
    const within = (seconds: number) => begun.filter(({ atMs }) => atMs < seconds * 1000).length;
    expect(within(1)).toBe(3);
    expect(within(11)).toBe(13);
    expect(within(30)).toBe(32);
  });

  test("tokens are reserved by their bound and corrected by what came", async () => {
    const { ask, begun, time, end } = underTest({ tokensPerMinute: 1_000 });
    ask("a", { tokens: 900 });
    ask("b", { tokens: 900 });
    await time.advance(50_000);
    expect(begun.map(({ name }) => name)).toEqual(["a"]);
    await end("a", (place) => place.answered(null, 50));
    await time.advance(1);
    expect(begun.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("what is more than a whole minute's goes alone", async () => {
    const { ask, begun, time, end } = underTest({ tokensPerMinute: 1_000 });
    ask("small", { tokens: 10 });
    ask("large", { tokens: 5_000 });
    ask("small too", { tokens: 10 });
    await time.advance(59_000);
    expect(begun).toHaveLength(1);
    await time.advance(3_000);
    expect(begun).toHaveLength(2);
    await end("large", (place) => place.answered(null, 5_000));
    await time.advance(50_000);
    expect(begun).toHaveLength(2);
    await time.advance(12_000 + 240_000);
    expect(begun).toHaveLength(3);
  });

  test("a request that was let in and never sent gives its share back", async () => {
    const { ask, begun, time, end } = underTest({ requestsPerMinute: 1, tokensPerMinute: 100 });
    ask("not sent", { tokens: 100 });
    await time.advance(0);
    ask("next", { tokens: 100 });
    await end("not sent");
    expect(begun.map(({ name }) => name)).toEqual(["not sent", "next"]);
  });
});

describe("what headers say of limits", () => {
  test("nothing left is waited for, to the reset, by that model alone", async () => {
    const { ask, begun, time, end, names } = underTest();
    ask("first");
    await time.advance(0);
    await end("first", (place) =>
      place.answered(headers({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6s" }), 0),
    );
    ask("same model");
    ask("another model", { model: "other" });
    await time.advance(5_999);
    expect(names()).toEqual(["first", "another model"]);
    await time.advance(1);
    expect(begun.at(-1)).toEqual({ name: "same model", atMs: 6_000 });
  });

  test("two left are two, and what is under way counts", async () => {
    const { ask, time, end, names } = underTest();
    for (const name of ["a", "b"]) ask(name);
    await time.advance(0);
    const left = headers({
      "anthropic-ratelimit-requests-remaining": "2",
      "anthropic-ratelimit-requests-reset": new Date(9_000).toISOString(),
    });
    await end("a", (place) => place.answered(left, 0)); // b was sent after a, and may not be counted in it
    for (const name of ["c", "d"]) ask(name);
    await time.advance(8_000);
    expect(names()).toEqual(["a", "b", "c"]);
    await time.advance(1_000);
    expect(names()).toEqual(["a", "b", "c", "d"]);
  });

  test("what was let in and not sent leaves what is left to others", async () => {
    const { ask, time, end, names } = underTest();
    ask("first");
    await time.advance(0);
    await end("first", (place) =>
      place.answered(headers({ "x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "60s" }), 0),
    );
    for (const name of ["unpaid", "next"]) ask(name);
    await time.advance(1_000);
    expect(names()).toEqual(["first", "unpaid"]);
    await end("unpaid"); // a budget refused it, say
    await time.advance(1_000);
    expect(names()).toEqual(["first", "unpaid", "next"]);
  });

  test("a limit a minute is kept, also below the one in the config", async () => {
    const { ask, begun, time, endAll } = underTest({ requestsPerMinute: 600 });
    for (let index = 0; index < 100; index += 1) ask(`${index}`);
    for (let second = 0; second < 60; second += 1) {
      await time.advance(1_000);
      await endAll((place) => place.answered(headers({ "x-ratelimit-limit-requests": "30" }), 0));
    }
    expect(begun.length).toBeGreaterThan(25);
    expect(begun.length).toBeLessThanOrEqual(30 + firstWindow);
  });

  test("a reset far away is waited for no longer than a minute", async () => {
    const { ask, begun, time, end } = underTest();
    ask("first");
    await time.advance(0);
    await end("first", (place) =>
      place.answered(headers({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "23h59m0s" }), 0),
    );
    ask("next");
    await time.advance(60_000);
    expect(begun).toHaveLength(2);
  });
});

describe("a pause", () => {
  test("lets nobody in, is one where several overlap, ends with the last, and is told", async () => {
    const time = virtualTime();
    const admissions = createAdmissions(time);
    const admission = admissions.of(endpoint, "one", {});
    admissions.of(endpoint, "two", {});
    admissions.of({ ...endpoint, key: "k" }, "three", {});
    const places: Place[] = [];
    const asking = { signal: forever, priority: 1, stage: null, tokens: 0, model: "m", patienceMs: 1_000 };
    const send = (place: Place) => {
      places.push(place);
      return new Promise<void>(() => undefined);
    };
    for (let index = 0; index < 2; index += 1) void admission.admit(send, asking);
    await time.advance(0);
    for (const [index, pauseMs] of [5_000, 8_000].entries())
      places[index]?.limited(null, { pauseMs, maxWaitMs: 60_000 });
    void admission.admit(send, asking);
    await time.advance(3_000);
    const [load, other] = admissions.endpoints();
    expect(load).toMatchObject({ aliases: ["one", "two"], waiting: 1, underWay: 2, pauses: 1, pausedMs: 5_000 });
    expect(other).toMatchObject({ aliases: ["three"], waiting: 0, pauses: 0, pausedMs: 0, downMs: 0 });
    await time.advance(4_999);
    expect(places).toHaveLength(2);
  });

  test("that outlives its requests is over when its time is", async () => {
    const { ask, end, time, names } = underTest();
    ask("a");
    await time.advance(0);
    await end("a", (place) => place.limited(null, { pauseMs: 5_000, maxWaitMs: 60_000 }));
    await time.advance(6_000);
    ask("b");
    await time.advance(0);
    expect(names()).toEqual(["a", "b"]);
  });
});

describe("an endpoint that is down", () => {
  /** Asks until it is left alone: so many requests end without an answer. */
  async function goDown({ ask, end, time }: ReturnType<typeof underTest>) {
    for (let index = 0; index < breakerPolicy.firstTries; index += 1) {
      ask(`down ${index}`);
      await time.advance(0);
      await end(`down ${index}`, broken);
    }
  }

  test("is asked by one after each pause, the pauses double to a bound, and nobody else spends a try", async () => {
    const lab = underTest({ concurrency: 8 });
    const { ask, admission, begun, names, time, end, failed } = lab;
    await goDown(lab);
    expect(admission.isDown()).toBe(true);
    for (let index = 0; index < 30; index += 1) ask(`waits ${index}`, { stage: index % 2 ? "a" : "b" });
    const from = begun.length;
    const againMs: (number | null)[] = [];
    for (let second = 0; second < 120; second += 1) {
      await time.advance(1_000);
      if (lab.underWay() > 0) {
        const probe = names().at(-1) as string;
        await end(probe, (place) => againMs.push(broken(place)));
        ask(`${probe}, again`, { priority: 2 });
      }
    }
    const looks = begun.slice(from);
    expect(looks.map(({ atMs }) => atMs / 1000)).toEqual([1, 3, 7, 15, 31, 61, 91]);
    expect(againMs).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(looks.filter(({ name }) => name.endsWith("again"))).toEqual([]);
    expect(admission.load()).toMatchObject({ downMs: 120_000, waiting: 30 });
    expect(failed).toEqual([]);
  });

  test("is asked by all again once one was answered, few at first", async () => {
    const lab = underTest({ concurrency: 8 });
    await goDown(lab);
    const back: number[] = [];
    for (let index = 0; index < 20; index += 1) lab.ask(`waits ${index}`, { comesBack: (downMs) => back.push(downMs) });
    await lab.time.advance(1_000);
    expect(lab.underWay()).toBe(1);
    await lab.end(lab.names().at(-1) as string, well);
    expect(back).toEqual([1_000]);
    expect(lab.admission.isDown()).toBe(false);
    expect(lab.underWay()).toBe(firstWindow);
  });

  test("a refusal or a 429 is an answer too; a look that was stopped leaves it to another", async () => {
    for (const answer of [tooMany, (place: Place) => place.refused(null, "request")]) {
      const lab = underTest();
      await goDown(lab);
      let back = 0;
      const comesBack = () => {
        back += 1;
      };
      for (const name of ["x", "y", "z"]) lab.ask(name, { comesBack });
      await lab.time.advance(1_000);
      expect(lab.underWay()).toBe(1);
      await lab.end("x", (place) => place.stopped());
      expect(lab.names().at(-1)).toBe("y");
      await lab.end("y", answer);
      expect(lab.admission.isDown()).toBe(false);
      expect(back).toBe(1);
    }
  });

  test("whoever waits gives up after its own patience, who comes later at once, until the next look is due", async () => {
    const lab = underTest();
    await goDown(lab);
    const patient = lab.ask("patient");
    const hasty = lab.ask("hasty", { patienceMs: 500 });
    await lab.time.advance(499);
    expect(lab.failed).toEqual([]);
    await lab.time.advance(1);
    expect(lab.failed).toEqual([expect.any(EndpointGone)]);
    await expect(hasty).rejects.toThrow("503 no");
    await expect(lab.ask("late", { patienceMs: 500 })).rejects.toBeInstanceOf(EndpointGone);
    await lab.time.advance(500);
    expect(lab.names().at(-1)).toBe("patient");
    await lab.end("patient", broken);
    await patient;
    await lab.time.advance(2_000);
    void lab.ask("looks", { patienceMs: 500 });
    await lab.time.advance(0);
    expect(lab.names().at(-1)).toBe("looks");
  });

  test("who has no patience is turned away when it goes down, also those who wait already, and may look when it is due", async () => {
    const lab = underTest({ concurrency: 1 });
    for (let index = 0; index < 20; index += 1) lab.ask(`${index}`, { patienceMs: 0 });
    for (let index = 0; index < breakerPolicy.firstTries; index += 1) {
      await lab.time.advance(0);
      expect(lab.failed).toEqual([]);
      await lab.end(`${index}`, broken);
    }
    expect(lab.failed).toHaveLength(20 - breakerPolicy.firstTries);
    await lab.time.advance(1_000);
    void lab.ask("looks", { patienceMs: 0 });
    await lab.time.advance(0);
    expect(lab.names().at(-1)).toBe("looks");
  });

  test("is down with fewer errors where they last longer than anybody's patience", async () => {
    const lab = underTest();
    for (const name of ["a", "b"]) {
      lab.ask(name, { patienceMs: 600_000 });
      await lab.time.advance(600_000);
      await lab.end(name, broken);
    }
    expect(lab.admission.isDown()).toBe(true);
  });

  test("further tries that fail are none: a few requests may break it by what they hold", async () => {
    const lab = underTest();
    for (let index = 0; index < 30; index += 1) {
      lab.ask(`${index}`, { priority: 2 + (index % 4) });
      await lab.time.advance(0);
      await lab.end(`${index}`, broken);
    }
    expect(lab.admission.isDown()).toBe(false);
  });

  test("errors with an answer between them are none", async () => {
    const lab = underTest();
    for (let index = 0; index < 30; index += 1) {
      lab.ask(`${index}`);
      await lab.time.advance(0);
      await lab.end(`${index}`, index % 4 === 3 ? well : broken);
    }
    expect(lab.admission.isDown()).toBe(false);
  });
});

describe("refusals", () => {
  type Kind = Parameters<Place["refused"]>[1];
  /** Ends requests one after the other, `beside` others waiting; returns what the place said to each refusal. */
  async function said(plays: readonly (Kind | "well")[], beside = 0, model = "m"): Promise<(string | null)[]> {
    const lab = underTest({ concurrency: 1 });
    const verdicts: (string | null)[] = [];
    for (let index = 0; index < plays.length + beside; index += 1) lab.ask(`${index}`, { model });
    for (const [index, play] of plays.entries()) {
      await lab.time.advance(0);
      await lab.end(`${index}`, (place) => {
        if (play === "well") place.answered(null, 0);
        else verdicts.push(place.refused(null, play));
      });
    }
    return verdicts;
  }
  const many = (count: number, kind: Kind) => Array.from({ length: count }, () => kind);

  test("one of many is that one's, whatever it says", async () => {
    expect(await said(["standing", "access", "request"], 3)).toEqual([null, null, null]);
    expect(await said(["well", "standing"])).toEqual([null]);
  });

  test("twenty first ones are all", async () => {
    expect((await said(many(refusalsEnough, "request"), 5)).at(-1)).toBe("all 20 first requests");
    expect((await said(many(refusalsEnough - 1, "request"), 5)).at(-1)).toBe(null);
  });

  test("the only ones are all where what they say stands for every request", async () => {
    expect(await said(["standing"])).toEqual(["the first request"]);
    expect(await said(many(3, "standing"))).toEqual([null, null, "all 3 requests"]);
    expect(await said(["access"])).toEqual([null]);
  });

  test("twenty of access in a row after good answers are all; of requests they are not", async () => {
    expect((await said(["well", ...many(refusalsEnough, "access")], 5)).at(-1)).toBe("the last 20 requests");
    expect((await said(["well", ...many(10, "access"), "well", ...many(10, "access")], 5)).at(-1)).toBe(null);
    expect((await said(["well", ...many(refusalsEnough, "request")], 5)).at(-1)).toBe(null);
  });
});

test("another key or address is another endpoint", () => {
  const admissions = createAdmissions();
  const one = admissions.of(endpoint, "one", {});
  expect(admissions.of(endpoint, "two", {})).toBe(one);
  expect(admissions.of({ ...endpoint, key: "k" }, "three", { concurrency: 2 })).not.toBe(one);
  expect(admissions.of({ ...endpoint, baseUrl: "http://127.0.0.1:2/v1" }, "four", { concurrency: 3 })).not.toBe(one);
});
