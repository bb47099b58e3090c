import type { StageAccount } from "./account.ts";
import { keepBody, readBody } from "./bodies.ts";
import { located } from "./located.ts";
import type { LineScope } from "./scope.ts";
import type { AllStage, Identified } from "./stage.ts";

interface Entry {
  readonly projection: Identified;
  readonly key: string;
}

// Many small bodies share a commit, and large ones do not pile up.
const savesAtOnce = 1_000;
const charsAtOnce = 4 * 1024 * 1024;

/**
 * Runs an `all` stage: waits for everything upstream gives out, keeps only projections in memory and bodies in the store, decides in
 * id order and yields those that pass in id order. Where the line stops before, it decides nothing.
 */
export async function* runAll(
  stage: AllStage<Identified, Identified>,
  upstream: AsyncGenerator<Identified>,
  account: StageAccount,
  scope: LineScope,
): AsyncGenerator<Identified> {
  let entries: Entry[] = [];
  let saves: Promise<void>[] = [];
  let saving = 0;
  let entered = 0;

  for await (const body of upstream) {
    try {
      account.enter(body.id);
      entered += 1;
      if (!scope.stopping()) collect(body);
    } catch (error) {
      scope.fail(located(error, stage.name, body.id));
    }
    if (saves.length >= savesAtOnce || saving >= charsAtOnce) await saved();
  }
  await saved();
  if (scope.stopping()) {
    account.leave(entered);
    return;
  }

  entries.sort((a, b) => (a.projection.id < b.projection.id ? -1 : 1));
  const decisions = decide(entries.map((entry) => entry.projection));
  if (decisions.length !== entries.length) {
    throw new Error(
      `Expected stage \`${stage.name}\` to decide on each of its ${entries.length} items, got ${decisions.length} decisions`,
    );
  }
  const keys = entries.map(({ key }) => key);
  const ids = entries.map(({ projection }) => projection.id);
  entries = [];
  for (const [index, decision] of decisions.entries()) {
    const id = ids[index] as string;
    const key = keys[index] as string;
    if (scope.signal.aborted) {
      account.leave(1);
    } else if (decision) {
      account.reject(id, decision, { [id]: key });
    } else {
      const body = readBody(scope.store, key);
      account.pass(id, [id], { [id]: key });
      yield body;
    }
  }

  function decide(projections: readonly Identified[]) {
    try {
      return stage.decide(projections);
    } catch (error) {
      throw located(error, stage.name);
    }
  }

  function collect(body: Identified): void {
    const projection = stage.project(body);
    if (projection.id !== body.id) {
      throw new Error(
        `Expected stage \`${stage.name}\` to keep the id \`${body.id}\` in its projection, got \`${projection.id}\``,
      );
    }
    const { key, chars, saved: save } = keepBody(scope.store, body);
    entries.push({ projection, key });
    saves.push(save.catch(scope.fail));
    saving += chars;
  }

  async function saved(): Promise<void> {
    await Promise.all(saves);
    saves = [];
    saving = 0;
  }
}
