import { count, duration } from "../audit/text.ts";
import type { RunSnapshot } from "../domain/run-snapshot.ts";
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
  return `${stages.join("  ")}  | ${count(sent)} requests, ${count(tokens)} tokens`;
}

/** One line of a log: time since the start, and the counts. */
export function plainLine(snapshot: RunSnapshot): string {
  return `${duration(elapsedOf(snapshot)).padEnd(6)}  ${plainCounts(snapshot)}`;
}
