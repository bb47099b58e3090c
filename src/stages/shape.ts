import type { Proposal, Query } from "../domain/task.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";

const minQuestionChars = 20;

/**
 * Admits a Proposal as a Query when it can be read as one. Rejects `malformed` (not the asked JSON), `question_too_short`,
 * `code_without_data` (reference code that reads no file of the dataset) and `answer_leaked` (the question holds its own answer).
 */
export function shape(): EachStage<Proposal, Query> {
  return each({
    name: "shape",
    keep: true,
    run(proposal) {
      const { id, seedId, dataset, fields, repairs } = proposal;
      if (fields === null) {
        return reject("malformed", proposal.problem ?? "not readable", { raw: proposal.raw.slice(0, 4000) });
      }
      if (fields.question.trim().length < minQuestionChars) {
        return reject("question_too_short", `Expected at least ${minQuestionChars} characters`, {
          question: fields.question,
        });
      }
      if (!proposal.dataset.files.some((file) => fields.referenceCode.includes(file.name))) {
        return reject("code_without_data", "The reference code names no file of the dataset", {
          referenceCode: fields.referenceCode.slice(0, 4000),
          files: proposal.dataset.files.map((file) => file.name),
        });
      }
      const asked = `${fields.question}\n${fields.constraints}\n${fields.answerFormat}`;
      if (fields.referenceAnswer.length >= 6 && asked.includes(fields.referenceAnswer)) {
        return reject("answer_leaked", "The question holds its own reference answer", {
          referenceAnswer: fields.referenceAnswer,
        });
      }
      return pass<Query>({ id, seedId, dataset, ...fields, ...(repairs === undefined ? {} : { repairs }) });
    },
  });
}
