import { count, dollars, duration } from "../audit/text.ts";
import type { RunSnapshot } from "../domain/run-snapshot.ts";
import { sumUsd } from "../domain/usd.ts";
import { elapsedOf } from "./panels.ts";

/** What changed is worth a new line: the counts of a run in plain ASCII, `passed-rejected!failed/in` for each stage. */
export function plainCounts(snapshot: RunSnapshot): string {
  const stages = snapshot.stages
    .filter((stage) => stage.in > 0)
    .map(({ stage, passed, rejected, failed, in: entered }) => {
      const drops = [rejected > 0 ? `-${rejected}` : "", failed > 0 ? `!${failed}` : ""].join("");
      return `${stage} ${passed}${drops}/${entered}`;
    });
  const sent = snapshot.endpoints.reduce((sum, endpoint) => sum + endpoint.sent, 0);
  const tokens = snapshot.endpoints.reduce((sum, endpoint) => sum + endpoint.inputTokens + endpoint.outputTokens, 0);
  return `${stages.join("  ")}  | ${count(sent)} requests, ${count(tokens)} tokens${costText(snapshot)}${budgetText(snapshot)}`;
}

/** What was paid in this run: `, $1.23`; nothing where a price is unknown, or all is free. */
function costText({ endpoints }: RunSnapshot): string {
  const paid = sumUsd(endpoints.map(({ costUsd }) => costUsd));
  return paid === null || paid === 0 ? "" : `, ${dollars(paid)}`;
}

/** The limit that is nearest to be spent, in whole percent: ` | budget 42 % (usd)`. */
function budgetText({ budget }: RunSnapshot): string {
  const [nearest] = budget.toSorted((a, b) => b.spent / b.limit - a.spent / a.limit);
  if (nearest === undefined) return "";
  const { scope, unit, spent, limit } = nearest;
  return ` | budget ${Math.floor((100 * spent) / limit)} % (${scope === "run" ? "" : `${scope} `}${unit})`;
}

/** One line of a log: time since the start, and the counts. */
export function plainLine(snapshot: RunSnapshot): string {
  return `${duration(elapsedOf(snapshot)).padEnd(6)}  ${plainCounts(snapshot)}`;
}
