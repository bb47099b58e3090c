import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Model } from "../../src/contracts.ts";
import { finishReasons } from "../../src/domain/trajectory.ts";
import { ask, type ModelLab, startModelLab } from "./model-lab.ts";

/** Makes one provider ready: a config of it, and a question that it answers. */
export type ModelEntry = () => Promise<{ config: Record<string, unknown>; question: string } & AsyncDisposable>;

/** What every Model promises. Run on each entry of the list of providers. */
export function modelContract(name: string, entry: ModelEntry): void {
  describe(`a model of ${name}`, () => {
    const { signal } = new AbortController();
    let ready: Awaited<ReturnType<ModelEntry>>;
    let lab: ModelLab;
    let model: Model;
    beforeEach(async () => {
      ready = await entry();
      lab = await startModelLab();
      model = await openOne(lab);
    });
    afterEach(async () => {
      await lab[Symbol.asyncDispose]();
      await ready[Symbol.asyncDispose]();
    });

    async function openOne(where: ModelLab): Promise<Model> {
      const { subject } = await where.open({ subject: ready.config });
      if (subject === undefined) throw new Error("Expected a model named `subject`");
      return subject;
    }

    test("bears its alias, and an identity that is JSON and the same each time it is opened", async () => {
      expect(model.name).toBe("subject");
      await using other = await startModelLab();
      expect((await openOne(other)).identity).toEqual(model.identity);
      expect(JSON.parse(JSON.stringify(model.identity))).toEqual(model.identity);
    });

    test("passes its check without sending a completion", async () => {
      await model.check(signal);
      expect(lab.meter.total()).toMatchObject({ sent: 0, remembered: 0 });
    });

    test("answers with text, finish reason and usage", async () => {
      const completion = await model.complete(ask(ready.question), { sample: 0, signal });
      expect(completion.text.length).toBeGreaterThan(0);
      expect(finishReasons).toContain(completion.finishReason);
      expect(completion.usage.inputTokens).toBeGreaterThan(0);
      expect(completion.usage.outputTokens).toBeGreaterThan(0);
      expect(completion.remembered).toBe(false);
      expect(lab.meter.total()).toMatchObject({ sent: 1, failed: 0, underWay: 0 });
    });

    test("gives the same request the same answer for nothing, also when it is opened anew", async () => {
      const first = await model.complete(ask(ready.question), { sample: 0, signal });
      const again = await (await openOne(lab)).complete(ask(ready.question), { sample: 0, signal });
      expect(again).toEqual({ ...first, remembered: true });
      expect(lab.meter.total()).toMatchObject({ sent: 1, remembered: 1 });
    });

    test("keeps samples apart", async () => {
      const completions = await Promise.all(
        [0, 1, 2].map((sample) => model.complete(ask(ready.question), { sample, signal })),
      );
      expect(new Set(completions.map(({ key }) => key)).size).toBe(3);
      expect(lab.meter.total().sent).toBe(3);
    });

    test("sends identical requests under way once", async () => {
      const calls = [1, 2, 3].map(() => model.complete(ask(ready.question), { sample: 0, signal }));
      const completions = await Promise.all(calls);
      expect(new Set(completions.map(({ text }) => text)).size).toBe(1);
      expect(lab.meter.total().sent).toBe(1);
    });

    test("stops with the reason of a signal that has fired, and sends nothing", async () => {
      const stopped = AbortSignal.abort(new Error("enough"));
      await expect(model.complete(ask(ready.question), { sample: 0, signal: stopped })).rejects.toThrow("enough");
      expect(lab.meter.total().sent).toBe(0);
    });
  });
}
