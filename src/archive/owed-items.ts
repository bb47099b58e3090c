import { type ItemEvent, traceLineage } from "../audit/lineage.ts";
import { UsageError } from "../domain/errors.ts";
import { readEvents } from "../engine/events.ts";
import type { RunFolder } from "./run-folder.ts";
import { type Waiver, waivedCode, waiverKey } from "./waivers.ts";

/** An item that failed in a run (or was waived before it), and the waiver that stands about it; null while it is owed. */
export interface OwedItem {
  readonly stage: string;
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly waiver: Waiver | null;
}

/** Every item of a run that is owed or waived, in the order of its events. Whose waiver was undone since counts as owed. */
export async function owedItems(folder: RunFolder, waivers: ReadonlyMap<string, Waiver>): Promise<OwedItem[]> {
  const items: OwedItem[] = [];
  for await (const event of readEvents(folder.eventsPath)) {
    if (event.type !== "item" || !(event.outcome === "failed" || event.code === waivedCode)) continue;
    const { stage, id, code = event.outcome, message = "" } = event;
    const standing = waivers.get(waiverKey(event)) ?? null;
    items.push({ stage, id, ...(standing ?? { code, message }), waiver: standing });
  }
  return items;
}

/**
 * The items that `wanted` names, each by its id or a beginning of it, with or without its kind.
 * @throws {UsageError} for a name that begins several, or none of them: then it says what happened to that item.
 */
export async function namedItems(
  folder: RunFolder,
  items: readonly OwedItem[],
  { wanted, kind }: { readonly wanted: readonly string[]; readonly kind: "owed" | "waived" },
): Promise<OwedItem[]> {
  const named: OwedItem[] = [];
  for (const name of wanted) {
    const exact = items.filter(({ id }) => id === name);
    const begun = exact.length > 0 ? exact : items.filter(({ id }) => begins(id, name));
    const ids = [...new Set(begun.map(({ id }) => id))];
    if (ids.length === 0) throw await notAmong(folder, name, kind);
    if (ids.length > 1) {
      const shown = ids.slice(0, 5).join(", ");
      throw new UsageError(
        `Expected the id of one ${kind} item, got \`${name}\`, which begins ${ids.length}: ${shown}`,
      );
    }
    named.push(...begun);
  }
  return [...new Set(named)];
}

function begins(id: string, name: string): boolean {
  return name !== "" && (id.startsWith(name) || id.slice(id.lastIndexOf("_") + 1).startsWith(name));
}

async function notAmong(folder: RunFolder, name: string, kind: "owed" | "waived"): Promise<UsageError> {
  const { id, passages } = await traceLineage(() => readEvents(folder.eventsPath), name);
  const last = passages.findLast((event) => event.id === id);
  return new UsageError(
    `Expected an item that is ${kind} in run ${folder.run}, got \`${id}\`, which ${endOf(last, kind)}. ` +
      `\`npx tracemill waive ${folder.run} --list\` shows those that are.`,
  );
}

function endOf(last: ItemEvent | undefined, kind: "owed" | "waived"): string {
  if (last === undefined) return "has not ended in any stage of it";
  if (last.outcome === "passed") return `passed \`${last.stage}\``;
  if (last.outcome === "failed") return kind === "owed" ? "is waived already" : `is owed at \`${last.stage}\``;
  return `was rejected at \`${last.stage}\`: ${last.code}`;
}
