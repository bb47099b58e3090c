// From the body of a request to its completion, without anything of HTTP.

import { type Completion, completionOf } from "./completion.ts";
import type { ErrorRates, Planted } from "./conversation.ts";
import { inOwnForm } from "./dialects.ts";
import { formOf, inForm, wantsBareJson, wantsShape } from "./form.ts";
import { type ChatBody, messagesOf, RefusedRequest, readBody } from "./request.ts";
import { reply, teacherModel } from "./teacher.ts";

/** A completion, with the errors that were put into it on purpose and the seed of the choice that has each. */
export interface AnsweredChat {
  readonly request: ChatBody;
  readonly completion: Completion;
  readonly planted: readonly (Planted & { readonly seed: number })[];
}

/** Answers a chat-completions body; choice number i is the answer to the seed plus i. @throws {RefusedRequest} */
export function answerChat(text: string, rates: ErrorRates): AnsweredChat {
  const { json, request } = readBody(text);
  // Under another name it would pass for an LLM in dataset cards and manifests.
  if (request.model !== undefined && request.model !== teacherModel) throw noSuchModel(request.model);
  const messages = messagesOf(request);
  const form = formOf(request, messages);
  const own = inOwnForm(messages, form.dialect);
  const planted: (Planted & { seed: number })[] = [];
  const answers = Array.from({ length: request.n ?? 1 }, (_, choice) => {
    const seed = (request.seed ?? 0) + choice;
    const made = reply({ messages: own, seed, bareJson: wantsBareJson(form), shaped: wantsShape(form), rates });
    if (made === null) {
      throw new RefusedRequest(
        "The offline teacher is a program, not an LLM, and could not tell what it was asked: expected messages made by Tracemill's " +
          "propose, agent or judge prompts. docs/requests in its repository has some that can be sent as they are.",
        { param: "messages", code: "unsupported_value" },
      );
    }
    planted.push(...made.planted.map((one) => ({ ...one, seed })));
    return inForm(made.text, form);
  });
  return { request, completion: completionOf(json, request, messages, answers), planted };
}

/** The refusal of a model that is not there. */
export function noSuchModel(name: string): RefusedRequest {
  return new RefusedRequest(
    `The model \`${name}\` does not exist here: ask for \`${teacherModel}\`, a program and not an LLM.`,
    { status: 404, param: "model", code: "model_not_found" },
  );
}
