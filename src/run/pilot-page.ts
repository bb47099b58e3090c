import { count, dollars, duration, indent, plural, shellWord, table } from "../audit/text.ts";
import type { Projection } from "./pilot.ts";
import type { Interval } from "./projection.ts";

/** A projection as text for a terminal. */
export function projectionPage(found: Projection): string {
  const { pilot, whole, seeds, wall, target } = found;
  const row = (name: string, of: number | null, all: Interval | null, text: (value: number) => string) => [
    name,
    of === null ? "unknown" : text(of),
    ...(all === null ? ["unknown", ""] : [text(all.estimate), between(all, text)]),
  ];
  const rounded = (value: number) => count(Math.round(value));
  const figures = [
    ["", "pilot", "whole run", "95 % interval"],
    ["seeds or questions", count(seeds.pilot), count(seeds.all), ""],
    row("requests", pilot.requests, whole.requests, rounded),
    row("tokens in", pilot.inputTokens, whole.inputTokens, rounded),
    row("tokens out", pilot.outputTokens, whole.outputTokens, rounded),
    row("cost", pilot.costUsd, whole.costUsd, dollars),
    row(target > 0 ? `examples (of ${count(target)})` : "examples", pilot.examples, whole.examples, rounded),
    [
      "cost per example",
      perExample(pilot.costUsd, pilot.examples),
      perExample(whole.costUsd?.estimate ?? null, whole.examples.estimate),
      "",
    ],
    [
      "time",
      "",
      wall === null ? "not told" : duration(wall.seconds.estimate),
      wall === null ? "" : between(wall.seconds, duration),
    ],
  ];
  const stages = [
    ["stage", "in: pilot", "whole", "requests", "95 % interval", "cost"],
    ...found.stages.map((stage) => [
      stage.stage,
      count(stage.pilot.in),
      rounded(stage.whole.in.estimate),
      ...(stage.pilot.requests === 0
        ? ["", "", ""]
        : [
            rounded(stage.whole.requests.estimate),
            between(stage.whole.requests, rounded),
            stage.whole.costUsd === null ? "unknown" : dollars(stage.whole.costUsd.estimate),
          ]),
    ]),
  ];
  const left = seeds.all - seeds.pilot;
  const parts = [
    `Pilot of ${plural(seeds.pilot, "seed or question").replace("seed or questions", "seeds or questions")} of ${count(seeds.all)} (run ${found.run})`,
    indent(table(figures, [1, 2, 3]), "  "),
    indent(table(stages, [1, 2, 3, 4, 5]), "  "),
    ...(wall === null ? [] : [`  The time is bound by: ${wall.boundBy}.`]),
    ...(found.notes.length === 0 ? [] : [found.notes.map((note) => `  - ${note}`).join("\n")]),
    left === 0
      ? "Every seed was in the pilot: this is the whole run."
      : `The pilot's answers are remembered: \`npx tracemill run ${shellWord(found.config)}\` pays for the other ${count(left)} alone.`,
  ];
  return `\n${parts.join("\n\n")}\n`;
}

function between({ low, high }: Interval, text: (value: number) => string): string {
  return low === null || high === null ? "unknown" : `${text(low)} to ${text(high)}`;
}

function perExample(cost: number | null, examples: number): string {
  return cost === null || examples < 0.5 ? "unknown" : dollars(cost / examples);
}
