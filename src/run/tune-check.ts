// The files of a tuning job, held against the rules before anything is sent.
import { harmless, plural } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { splitProblems } from "../exports/split-rules.ts";
import { targets } from "../exports/targets.ts";
import type { HostedTuning } from "./tune-hosted.ts";

/** Holds both files against their target's rules, and against each other. @throws {UsageError} with the first broken rules of either file, or what they share (OA-R14). */
export async function expectGoodFiles({
  tuner,
  settings,
  file,
  validation,
  renderer,
  tell,
}: Pick<HostedTuning, "tuner" | "settings" | "file" | "validation" | "renderer" | "tell">): Promise<void> {
  const name = tuner.targets[settings.method];
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`Expected the target ${name} in the list, got none`);
  for (const path of validation === null ? [file] : [file, validation]) {
    const problems = (await target.check(path, { renderer })).filter(({ severity }) => severity === "error");
    if (problems.length === 0) continue;
    const shown = problems
      .slice(0, 5)
      .map(({ rule, line, field, message }) => `- ${rule} line ${line} ${field}: ${harmless(message)}`);
    throw new UsageError(
      `Expected \`${path}\` to keep the rules of ${name}, got ${plural(problems.length, "problem")}:\n${shown.join("\n")}\nNothing was sent. \`npx tracemill check ${path} --target ${name}\` shows all`,
    );
  }
  if (validation === null) return;
  const shared = (await splitProblems(file, validation)).filter(({ severity }) => severity === "error");
  const leaks = shared.filter(({ rule }) => rule === "OA-R14");
  if (leaks.length > 0)
    throw new UsageError(
      `Expected \`${validation}\` to share nothing with \`${file}\`, got ${plural(leaks.length, "problem")}:\n${leaks
        .slice(0, 5)
        .map(({ rule, line, message }) => `- ${rule} line ${line}: ${harmless(message)}`)
        .join("\n")}\nNothing was sent`,
    );
  const near = shared.filter(({ rule }) => rule === "SP-R3").length;
  if (near > 0)
    tell(
      `warning   ${plural(near, "row")} with a question nearly as in the validation file (SP-R3): \`npx tracemill check ${file} --validation ${validation}\` names them`,
    );
}
