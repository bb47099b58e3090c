// What stands around the funnel: how it goes, what was spent, sandboxes, reasons, the slowest, the last failures.

import { count, dollars, modelAt, plural } from "../audit/text.ts";
import { usedUsd } from "../domain/run.ts";
import type { RunSnapshot } from "../domain/run-snapshot.ts";
import { sumUsd } from "../domain/usd.ts";
import { bar } from "./bar.ts";
import { apart, clean, cut, type Line, pad, type Style, span, widthOf } from "./line.ts";
import { type Look, type Signs, signsOf } from "./look.ts";
import { clock, short } from "./numbers.ts";

/** A snapshot with what all panels need to draw it. */
export interface Scene {
  readonly snapshot: RunSnapshot;
  readonly look: Look;
  readonly signs: Signs;
  readonly width: number;
}

const labelWidth = 11;

/** A scene `width` columns wide. */
export function sceneOf(snapshot: RunSnapshot, look: Look, width: number): Scene {
  return { snapshot, look, signs: signsOf(look), width };
}

/** Seconds between the run's start and the snapshot. */
export function elapsedOf(snapshot: RunSnapshot): number {
  return Math.max(0, (Date.parse(snapshot.at) - Date.parse(snapshot.startedAt)) / 1000);
}

/** One line: state, recipe and run at the left, time at the right. `state` stands for the snapshot's own where somebody knows better. */
export function statusLine({ snapshot, signs, width }: Scene, state?: { word: string; style: Style }): Line {
  const [sign, style] = signOf(snapshot.state, signs);
  const left = [
    state ? span(`${signs.bad} ${state.word}`, state.style) : span(`${sign} ${snapshot.state}`, style),
    span(`  ${snapshot.recipe}${signs.between}`),
    span(snapshot.run, "bold"),
  ];
  const elapsed = clock(elapsedOf(snapshot));
  const remaining = snapshot.secondsLeft === null ? "" : `${signs.between}about ${clock(snapshot.secondsLeft)} left`;
  const full = [span(elapsed, "bold"), span(remaining)];
  // In a narrow terminal the time matters more than the whole of the name.
  const rights: Line[] = [
    full,
    [span(snapshot.secondsLeft === null ? elapsed : `${clock(snapshot.secondsLeft)} left`)],
  ];
  const right = rights.find((line) => widthOf(left) + 2 + widthOf(line) <= width) ?? rights.at(-1) ?? [];
  const room = width - widthOf(right) - 2;
  if (room < 10) return cut(left, width, signs.cut);
  return apart(cut(left, room, signs.cut), right, width, signs.cut);
}

function signOf(state: RunSnapshot["state"], signs: Signs): [string, Style] {
  if (state === "starting" || state === "running") return [signs.running, "green"];
  if (state === "draining") return [signs.draining, "yellow"];
  if (state === "done") return [signs.good, "green"];
  return [signs.bad, state === "crashed" ? "red" : "yellow"];
}

/** One line: how much is done, by time, and examples of those asked for. */
export function progressLine({ snapshot, signs, width }: Scene): Line {
  const { examples, target, secondsLeft, budget } = snapshot;
  const over = !["starting", "running", "draining"].includes(snapshot.state);
  const elapsed = elapsedOf(snapshot);
  const share = snapshot.state === "done" ? 1 : secondsLeft === null || over ? null : elapsed / (elapsed + secondsLeft);
  const made = target === null ? plural(examples, "example") : `${count(examples)} of ${count(target)} examples`;
  const usd = budget.find(({ scope, unit }) => scope === "run" && unit === "usd");
  const money = usd === undefined ? "" : `${signs.between}${dollars(usd.spent)} of ${dollars(usd.limit)}`;
  const percent =
    share === null ? "" : `${String(share === 1 ? 100 : Math.min(99, Math.floor(share * 100))).padStart(3)} %  `;
  const words = [span(`  ${percent}`, "bold"), span(made), span(money)];
  const room = Math.min(60, width - widthOf(words));
  if (room < 8 || (share === null && over)) return cut([span(made), span(money)], width, signs.cut);
  const filled = Math.floor((share ?? 0) * room);
  return [span(signs.done.repeat(filled), "green"), span(signs.todo.repeat(room - filled), "dim"), ...words];
}

/** One line for all endpoints together. */
export function spentLine({ snapshot, signs, width }: Scene): Line {
  const sum = (pick: (endpoint: RunSnapshot["endpoints"][number]) => number) =>
    snapshot.endpoints.reduce((total, endpoint) => total + pick(endpoint), 0);
  const cost = sumUsd(snapshot.endpoints.map(({ costUsd }) => costUsd));
  const failed = sum((endpoint) => endpoint.failed);
  const parts = [
    `${count(sum((endpoint) => endpoint.sent))} sent`,
    `${count(sum((endpoint) => endpoint.remembered))} remembered`,
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    `${short(sum((endpoint) => endpoint.inputTokens))} tokens in`,
    `${short(sum((endpoint) => endpoint.outputTokens))} out`,
    ...(cost === null ? [] : [dollars(cost)]),
    `${short(sum((endpoint) => endpoint.perMinute ?? 0))} answers/min`,
  ];
  return labelled("requests", [span(parts.join(signs.between))], { signs, width });
}

/** A heading and a line for each endpoint. */
export function endpointLines({ snapshot, look, signs, width }: Scene): Line[] {
  const tight = width < 76;
  const heads = tight
    ? ["now", "sent", "known", "failed", "tok in", "tok out", "cost", "/min"]
    : ["in flight", "sent", "remembered", "failed", "tokens in", "out", "cost", "per min"];
  const styles: readonly (Style | undefined)[] = [
    "cyan",
    undefined,
    undefined,
    "red",
    undefined,
    undefined,
    "bold",
    "dim",
  ];
  const shown = width >= 110 ? heads.map((_, index) => index) : tight ? [0, 1, 4, 5, 6] : [0, 1, 3, 4, 5, 6];
  const rows = snapshot.endpoints.map((endpoint) => [
    ...[endpoint.inFlight, endpoint.sent, endpoint.remembered, endpoint.failed].map((value) =>
      value === 0 ? signs.none : count(value),
    ),
    ...[short(endpoint.inputTokens), short(endpoint.outputTokens), dollars(endpoint.costUsd)],
    endpoint.perMinute === null ? signs.none : short(endpoint.perMinute),
  ]);
  const widths = heads.map((head, index) => Math.max(head.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const nameWidth = width - shown.reduce((sum, index) => sum + (widths[index] ?? 0) + 2, 0);
  const row = (name: Line, cells: readonly string[], styled: boolean): Line => [
    ...pad(cut(name, nameWidth, signs.cut), nameWidth),
    ...shown.flatMap((index) => {
      const cell = cells[index] ?? "";
      const style = styled && cell !== signs.none ? styles[index] : "dim";
      return [span("  "), ...pad([span(cell, style)], widths[index] ?? 0, "left")];
    }),
  ];
  const lines = snapshot.endpoints.map((endpoint, index) => {
    const { pausedSeconds, downSeconds = 0 } = endpoint;
    const paused =
      downSeconds > 0
        ? ` (no answer for ${clock(downSeconds)})`
        : pausedSeconds > 0
          ? ` (paused ${clock(pausedSeconds)})`
          : "";
    const name = clean(modelAt(endpoint.model, endpoint.endpoint.replace(/^https?:\/\//, "")), look.unicode);
    const pausedWidth = widthOf([span(paused)]);
    const named = [...cut([span(name)], Math.max(0, nameWidth - pausedWidth), signs.cut), span(paused, "yellow")];
    return row(named, rows[index] ?? [], true);
  });
  return [row([span("endpoint", "dim")], heads, false), ...lines];
}

/** A line for each limit of the budget: a bar, what is spent of it, and of whom it is. Warm from 80 % on, red where nothing is left. */
export function budgetLines({ snapshot, look, signs, width }: Scene): Line[] {
  const limits = snapshot.budget.map(({ scope, unit, spent, limit }) => {
    const amount = (value: number) =>
      unit === "usd" ? dollars(value) : unit === "hours" ? value.toFixed(2) : short(value);
    const of = `${amount(spent)} of ${amount(limit)}${unit === "usd" ? "" : ` ${unit}`}`;
    const share = Math.min(1, spent / limit);
    const percent = `${String(Math.floor(100 * share)).padStart(3)} %`;
    return { share, words: `${percent}  ${of}${scope === "run" ? "" : ` (${clean(scope, look.unicode)})`}` };
  });
  // One length for all, so that they can be compared; where there is hardly room, the words alone.
  const longest = Math.max(0, ...limits.map(({ words }) => words.length + 2));
  const free = Math.min(24, width - labelWidth - longest);
  const room = free < 6 ? 0 : free;
  return limits.map(({ share, words }, index) => {
    const style: Style = share >= 1 ? "red" : share >= 0.8 ? "yellow" : "green";
    const filled = Math.floor(share * room);
    const bars = [span(signs.done.repeat(filled), style), span(signs.todo.repeat(room - filled), "dim")];
    return labelled(index === 0 ? "budget" : "", [...bars, span(`${room > 0 ? "  " : ""}${words}`, style)], {
      signs,
      width,
    });
  });
}

/** One line: dollars now, with what was remembered, by example and by stage, dearest first; `unknown` where a price is. Empty until a model was asked. */
export function costLine({ snapshot, look, signs, width }: Scene): Line[] {
  const { spend = [], examples } = snapshot;
  if (spend.length === 0) return [];
  const now = sumUsd(spend.map(({ costUsd }) => costUsd));
  const used = usedUsd(spend);
  const stages = [...new Set(spend.map(({ stage }) => stage))];
  const byStage = stages
    .map((stage) => [stage ?? "(no stage)", usedUsd(spend.filter((line) => line.stage === stage))] as const)
    .sort(([, a], [, b]) => (b ?? Number.POSITIVE_INFINITY) - (a ?? Number.POSITIVE_INFINITY) || 0)
    .map(([name, usd]) => `${clean(name, look.unicode)} ${dollars(usd)}`);
  const parts = [
    `${dollars(now)} now`,
    `${dollars(used)} in all`,
    ...(examples > 0 ? [`${dollars(used === null ? null : used / examples)} an example`] : []),
    ...byStage,
  ];
  return [labelled("cost", [span(parts.join(signs.between))], { signs, width })];
}

/** One line: sandboxes open of those that may be, and who waits. Empty without a backend. */
export function sandboxLine({ snapshot, signs, width }: Scene): Line[] {
  if (snapshot.sandboxes === null) return [];
  const { open, limit, waiting } = snapshot.sandboxes;
  const cells = limit <= 24 ? bar([{ amount: open, sign: signs.done, style: "cyan" }], limit, limit) : [];
  const rest = limit <= 24 ? [span(signs.todo.repeat(Math.max(0, limit - open)), "dim"), span("  ")] : [];
  const words = [`${count(open)} of ${count(limit)} open`, ...(waiting > 0 ? [`${count(waiting)} waiting`] : [])]
    .concat(unusualEnds(snapshot.sandboxes))
    .join(signs.between);
  return [labelled("sandboxes", [...cells, ...rest, span(words)], { signs, width })];
}

/** How many sandboxes did not end because the run was done with them, and how. */
function unusualEnds({ ends }: NonNullable<RunSnapshot["sandboxes"]>): string[] {
  if (ends === undefined) return [];
  const failed = Object.entries(ends.failed).map(([code, times]) => `${count(times)} ${code}`);
  return [...(ends.killed > 0 ? [`${count(ends.killed)} killed by code`] : []), ...failed];
}

/** The commonest reasons for rejection, as many as fit in one line. */
export function reasonsLine(scene: Scene): Line[] {
  const { signs, width } = scene;
  const found = reasonsOf(scene.snapshot);
  const words = found.map(({ stage, code, count: items }) => `${count(items)} ${code} (${stage})`);
  while (words.length > 1 && labelWidth + words.join(signs.between).length > width) words.pop();
  return found.length === 0
    ? []
    : [labelled("rejected", [span(words.join(signs.between), "yellow")], { signs, width })];
}

/** The commonest reasons for rejection over all stages, a line each. */
export function reasonLines({ snapshot, signs, width }: Scene): Line[] {
  const found = reasonsOf(snapshot);
  const digits = Math.max(0, ...found.map((reason) => count(reason.count).length));
  return found.map(({ stage, code, count: items }) =>
    cut(
      [span(count(items).padStart(digits), "yellow"), span(`  ${code}`), span(`  ${stage}`, "dim")],
      width,
      signs.cut,
    ),
  );
}

function reasonsOf(snapshot: RunSnapshot) {
  return snapshot.stages
    .flatMap(({ stage, reasons }) => reasons.map((reason) => ({ stage, ...reason })))
    .sort((a, b) => b.count - a.count);
}

/** The items worked on longest, a line each; those of less than a second are not worth one. */
export function slowestLines({ snapshot, look, signs, width }: Scene): Line[] {
  const slow = snapshot.slowest.filter(({ seconds }) => seconds >= 1);
  const stageWidth = Math.max(0, ...slow.map(({ stage }) => stage.length));
  return slow.map(({ stage, id, seconds }) =>
    cut(
      [
        span(clock(seconds).padStart(7), seconds >= 60 ? "yellow" : undefined),
        span(`  ${stage.padEnd(stageWidth)}  `),
        span(clean(id, look.unicode), "dim"),
      ],
      width,
      signs.cut,
    ),
  );
}

/** The last failures, newest first, a line each. */
export function failureLines({ snapshot, look, signs, width }: Scene): Line[] {
  return snapshot.failures.map(({ stage, id, kind, code, message }) =>
    cut(
      [
        span(`${stage} ${kind}${code === undefined ? "" : `/${clean(code, look.unicode)}`}`, "red"),
        span(`  ${clean(causeOf(message), look.unicode)}`),
        span(`  ${clean(id, look.unicode)}`, "dim"),
      ],
      width,
      signs.cut,
    ),
  );
}

/** The end of the story where there were several tries: on one line its beginning would be all that is seen, and is the same for every item. */
function causeOf(message: string): string {
  return /; the last ended with: (.+)$/s.exec(message)?.[1] ?? message;
}

/** A label in front of a line, in the column where all labels stand. */
export function labelled(label: string, line: Line, { signs, width }: Pick<Scene, "signs" | "width">): Line {
  return cut([span(label.padEnd(labelWidth), "dim"), ...line], width, signs.cut);
}

export { labelWidth };
