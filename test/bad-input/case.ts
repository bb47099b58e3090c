// What a case of bad input is: what somebody did, and what Tracemill has to say about it.
import type { FaultyEndpointOptions } from "../kit/faulty-endpoint.ts";

/** A folder of its own for one case, where the command is started, and an endpoint that counts what is asked of it. */
export interface Place {
  readonly folder: string;
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseUrl: string;
  /** Writes a file below the folder; folders above it are made. Returns its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Runs when the case is over, the last one first. */
  atEnd(undo: () => unknown): void;
}

/** What is typed where nothing else is said: `tracemill run my.yaml`, on a good config and a good table `cars.csv`. */
export interface Typed {
  readonly args?: readonly string[];
  /** Sections put in the place of the good config's. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The text of `my.yaml` instead of any of that. */
  readonly yaml?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** The user who types it. */
  readonly as?: number;
  /** Words before the command, which run it. */
  readonly through?: readonly string[];
  /** A module loaded before the command. */
  readonly preload?: string;
}

export interface Case {
  /** What somebody did, as docs/errors.md says it; no two cases have the same. */
  readonly did: string;
  readonly arrange: (place: Place) => Typed | Promise<Typed>;
  /** How the endpoint of the config's models behaves; good without it. */
  readonly endpoint?: FaultyEndpointOptions;
  readonly code: 2 | 3;
  /** The message says what is wrong, where, and the way out of it. */
  readonly what: RegExp;
  readonly where: RegExp;
  readonly wayOut: RegExp;
  /** What must not be in any output. */
  readonly never?: RegExp;
  /** Only the first request shows it: a run folder is there by then. Without it: no run folder, and no completion was asked for. */
  readonly shownBy?: "the first request";
  /** Why this machine cannot show it; null where it can. */
  readonly lacks?: string | null;
}

/** One wrong option in a config that is good otherwise: several are told at once, so several share a process. */
export interface ConfigMistake {
  readonly did: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The key as the message names it. */
  readonly at: string;
  readonly said: RegExp;
  readonly never?: RegExp;
}

/** Input that looks bad and is good: a run takes it, and pandas in a real sandbox opens the file. */
export interface Accepted {
  readonly did: string;
  /** The file's name below /data/. */
  readonly name: string;
  /** The whole file, or its parts one after the other. */
  readonly content: () => string | Uint8Array | Iterable<string>;
  readonly rows: number;
  readonly columns: number;
}

/** A name on which a folder's rights bite also where the tests are root's. */
export const nobody = 65_534;
