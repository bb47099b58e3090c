/**
 * A sandbox that is there on this machine, of whatever process. `label` is whom it is for; `createdAt` is ISO time; `memoryBytes` is what
 * it holds now; null where that cannot be told. With a dead owner it is a leftover.
 */
export interface RunningSandbox {
  readonly backend: string;
  readonly id: string;
  readonly label: string;
  readonly ownerPid: number;
  readonly ownerAlive: boolean;
  readonly createdAt: string | null;
  readonly memoryBytes: number | null;
}
