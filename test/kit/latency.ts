/** How long an endpoint takes for an answer, in milliseconds. `long_tail` is a Pareto distribution: few are very long, up to `mostMs`. */
export type Latency =
  | { kind: "fixed"; ms: number }
  | { kind: "uniform"; fromMs: number; toMs: number }
  | { kind: "lognormal"; medianMs: number; sigma: number }
  | { kind: "long_tail"; leastMs: number; alpha: number; mostMs: number };

/** A latency, from two draws in [0, 1). */
export function latencyMs(latency: Latency, first: number, second: number): number {
  switch (latency.kind) {
    case "fixed":
      return latency.ms;
    case "uniform":
      return latency.fromMs + first * (latency.toMs - latency.fromMs);
    case "lognormal": {
      // Box and Muller's normal deviate of two even ones.
      const normal = Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);
      return latency.medianMs * Math.exp(latency.sigma * normal);
    }
    case "long_tail":
      return Math.min(latency.mostMs, latency.leastMs * (1 - first) ** (-1 / latency.alpha));
  }
}
