import PQueue from "p-queue";

/** Lets so many starts through a second (fractions too), and no more of them at a time than `atOnce`; the others wait in order. */
export function startQueue({ perSecond, atOnce }: { readonly perSecond: number; readonly atOnce: number }): PQueue {
  const intervalCap = Math.max(1, Math.round(perSecond));
  return new PQueue({ concurrency: atOnce, intervalCap, interval: (1000 * intervalCap) / perSecond, strict: true });
}
