// A recipe whose items cost two requests each and no sandbox: a text by one model, a verdict by another. For `chaos.test.ts`.
import { contentId, defineRun, each, from, modelConfig, pass, reject, rubricJudge, runShape, z } from "tracemill";

const config = z.strictObject({
  ...runShape,
  models: z.strictObject({ writer: modelConfig, judge: modelConfig }),
  items: z.number().int(),
  atOnce: z.number().int(),
  backwards: z.boolean().default(false),
});

const criteria = [{ name: "clarity", description: "the text is plain" }];

export default defineRun({
  name: "chaos",
  config,
  target: () => 1,
  async build({ items, atOnce: concurrency, backwards }, run) {
    const judge = rubricJudge({
      name: "chaos",
      model: run.model("judge"),
      prompts: { system: await run.prompt("judge/system.md"), record: await run.prompt("judge/record.md") },
      criteria,
      votes: 1,
    });
    const ids = Array.from({ length: items }, (_, n) => ({ id: `item_${n}` }));
    return from(backwards ? ids.reverse() : ids)
      .through(
        each({
          name: "write",
          concurrency,
          keep: true,
          async run({ id }, { signal }) {
            const messages = [{ role: "user", content: `Write of ${id}.` }];
            const { text } = await run.model("writer").complete({ messages }, { sample: 0, signal });
            return pass({ id, messages: [...messages, { role: "assistant", content: text }] });
          },
        }),
      )
      .through(
        each({
          name: "judge",
          concurrency,
          keep: true,
          async run({ id, messages }, { signal }) {
            const task = { dataset: { files: [] }, question: `Is ${id} right?` };
            const asked = { ...task, context: "", constraints: "", answerFormat: "" };
            const candidate = { trajectory: { messages, turns: [{ message: 1 }] } };
            const { criteria: measured } = await judge.judge({ task: asked, candidate }, { signal });
            return pass({ id, messages, measured });
          },
        }),
      )
      .through(
        each({
          name: "decide",
          keep: true,
          run({ id, messages, measured }) {
            if (measured.clarity < 0.3) return reject("unclear", `Clarity is ${measured.clarity}`, { measured });
            const said = messages.map((message) => ({ ...message, train: message.role === "assistant" }));
            const none = contentId("none", {});
            return pass({
              id,
              messages: said,
              group: "chaos",
              taskId: none,
              queryId: none,
              trajectoryId: id,
              transforms: [],
            });
          },
        }),
      );
  },
});
