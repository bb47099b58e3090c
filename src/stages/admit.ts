import type { OwnQuestion } from "../domain/task.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";

/**
 * Takes in the user's own questions: keeps each for the audit, and rejects one that stood in the files before (`exact_duplicate`), so
 * that nothing is asked twice. Their form was checked before the run began; their words are the user's business.
 */
export function admit(): EachStage<OwnQuestion, OwnQuestion> {
  return each({
    name: "admit",
    keep: true,
    run(question) {
      if (question.repeats === null) return pass(question);
      return reject("exact_duplicate", `The same question stands in ${question.repeats}`, {
        question: question.question.slice(0, 500),
        place: `${question.own.file}:${question.own.line}`,
        repeats: question.repeats,
      });
    },
  });
}
