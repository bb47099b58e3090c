// The containers of one backend: named before they are created, so that none is lost whatever the engine answers, and removed for sure.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import PQueue from "p-queue";
import type { Log } from "../contracts.ts";
import { statusOf, within } from "./docker-engine.ts";
import { ownerId } from "./owner.ts";

// Removing waits for the container's processes to die; more at once only makes the engine slower.
const removalsAtOnce = 8;
const removalLimitMs = 30_000;
// A result waits for its sandbox's removal: from an engine that hangs, no longer than so.
const removalPatienceMs = 45_000;
const killLimitMs = 10_000;

/** Containers of one backend of this process. */
export interface Containers {
  /** Marks the backend's containers on the engine. */
  readonly mark: string;
  /** A name for the next; counts as one of ours from now on, created or not. */
  name(): string;
  /** Whether a name is one of ours that may be in use or under removal. */
  knows(name: string): boolean;
  /** Nothing was created under this name. */
  forget(name: string): void;
  /** Kills what runs in it. @throws what the engine answered, where it is not gone already. */
  kill(name: string): Promise<void>;
  /** Removes it, also while others do; never throws: what the engine keeps refusing is logged and left to the reaper. */
  remove(name: string): Promise<void>;
  /** Waits for the removals under way. */
  settled(): Promise<void>;
}

export function containersOf(
  docker: Docker,
  { log, removalPausesMs }: { readonly log: Log | undefined; readonly removalPausesMs: readonly number[] },
): Containers {
  const mark = randomBytes(8).toString("hex");
  const known = new Set<string>();
  const removals = new Map<string, Promise<void>>();
  const queue = new PQueue({ concurrency: removalsAtOnce });
  let count = 0;
  let failures = 0;

  async function removeNow(name: string): Promise<void> {
    const beganMs = performance.now();
    for (let tries = 0; ; tries++) {
      try {
        return await within(docker.getContainer(name).remove({ force: true, v: true }), removalLimitMs);
      } catch (error) {
        if (statusOf(error) === 404) return;
        const pauseMs = removalPausesMs[tries]; // 409: the engine is removing it already; it is gone when that is 404
        if (pauseMs === undefined || performance.now() - beganMs > removalPatienceMs) {
          failures += 1;
          log?.write("error", "A container could not be removed; the reaper tries again", {
            container: name,
            failures,
            error,
          });
          return;
        }
        await sleep(pauseMs);
      }
    }
  }

  return {
    mark,
    name() {
      // The owner's id may be the same on another host of the same engine.
      const name = `tracemill-${ownerId()}-${++count}-${randomBytes(3).toString("hex")}`;
      known.add(name);
      return name;
    },
    knows: (name) => known.has(name),
    forget: (name) => void known.delete(name),
    async kill(name) {
      try {
        await within(docker.getContainer(name).kill({ signal: "SIGKILL" }), killLimitMs);
      } catch (error) {
        const status = statusOf(error); // 404: removed; 409: it runs no more
        if (status !== 404 && status !== 409) throw error;
      }
    },
    remove(name) {
      const underWay = removals.get(name);
      if (underWay !== undefined) return underWay;
      const removal = queue
        .add(() => removeNow(name))
        .finally(() => {
          removals.delete(name);
          known.delete(name);
        });
      removals.set(name, removal);
      return removal;
    },
    settled: () => queue.onIdle(),
  };
}
