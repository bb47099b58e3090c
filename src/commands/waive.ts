import { userInfo } from "node:os";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { namedItems, type OwedItem, owedItems } from "../archive/owed-items.ts";
import { commandOf, exists, findRun, type RunFolder, readManifest, readSummary } from "../archive/run-folder.ts";
import { readWaivers, type Waiver, waiverKey } from "../archive/waivers.ts";
import { oneLine, plural, table } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { openStoreInUse } from "../engine/store-users.ts";

export interface WaiveArguments {
  readonly run: string;
  readonly ids?: readonly string[] | undefined;
  readonly output: string;
  readonly all: boolean;
  readonly because?: string | undefined;
  readonly stage?: string | undefined;
  readonly code?: string | undefined;
  readonly list: boolean;
  readonly undo: boolean;
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("run", { type: "string", demandOption: true, describe: "`latest`, a run's id or its folder" })
    .positional("ids", { type: "string", array: true, describe: "Owed items, by id or the beginning of one" })
    .option("all", { type: "boolean", default: false, describe: "Every item that is owed in the run" })
    .option("because", { type: "string", describe: "Why the run can do without them; recorded with your name" })
    .option("stage", { type: "string", describe: "Only items that failed in this stage" })
    .option("code", {
      type: "string",
      describe: "Only items that failed with this: provider, sandbox (or sandbox/sandbox_lost …), judge, disk",
    })
    .option("list", { type: "boolean", default: false, describe: "Show what is owed and what is waived" })
    .option("undo", {
      type: "boolean",
      default: false,
      describe: "Take waivers back: the next run tries the items again",
    })
    .option("json", { type: "boolean", default: false, describe: "Print JSON" });
}

export async function handler(args: ArgumentsCamelCase<WaiveArguments>): Promise<void> {
  const folder = await findRun(args.output, args.run);
  if (!(await exists(folder.eventsPath))) {
    throw new UsageError(`Expected \`${folder.eventsPath}\` to hold the run's events, got no file: nothing is owed`);
  }
  if (!(await exists(folder.storePath))) {
    throw new UsageError(`Expected the run's store at \`${folder.storePath}\`, got nothing: waivers are kept there`);
  }
  await using store = await openStoreInUse(folder.storePath, "tracemill waive");
  const items = await owedItems(folder, readWaivers(store));
  const shown = filtered(items, args);
  if (args.list) return print(args.json ? JSON.stringify(listed(folder, shown), null, 2) : listText(folder, shown));

  const because = args.because?.trim() ?? "";
  if (!args.undo && because === "") {
    throw new UsageError('Expected a reason, got none: say why the run can do without them with --because "…"');
  }
  const kind = args.undo ? "waived" : "owed";
  const chosen = await choose(
    folder,
    shown.filter((item) => (item.waiver !== null) === args.undo),
    kind,
    args,
  );
  const decision = { version: 1, at: new Date().toISOString(), by: userName(), because, run: folder.run } as const;
  const waiverOf = ({ code, message }: OwedItem): Waiver => ({ ...decision, code, message });
  await Promise.all(
    chosen.map((item) => (args.undo ? store.delete(waiverKey(item)) : store.put(waiverKey(item), waiverOf(item)))),
  );
  const left = (await owedItems(folder, readWaivers(store))).filter((item) => item.waiver === null).length;
  if (args.json) return print(JSON.stringify({ [args.undo ? "undone" : "waived"]: chosen.length, owed: left }));
  print(await wordsAfter(folder, { undo: args.undo, changed: chosen.length, left }));
}

async function choose(
  folder: RunFolder,
  candidates: readonly OwedItem[],
  kind: "owed" | "waived",
  args: WaiveArguments,
): Promise<readonly OwedItem[]> {
  const ids = args.ids ?? [];
  if (ids.length > 0 && args.all) throw new UsageError("Expected ids or --all, got both: leave one out");
  if (ids.length > 0) return namedItems(folder, candidates, { wanted: ids, kind });
  if (!args.all && args.stage === undefined && args.code === undefined) {
    throw new UsageError(`Expected which items, got none: name ids, --stage, --code, or --all (--list shows them)`);
  }
  if (candidates.length === 0) {
    throw new UsageError(`Expected items that are ${kind} in run ${folder.run}, got none (--list shows what there is)`);
  }
  return candidates;
}

function filtered(items: readonly OwedItem[], { stage, code }: WaiveArguments): OwedItem[] {
  expectOneOf(
    "--stage",
    stage,
    items.map((item) => item.stage),
  );
  expectOneOf(
    "--code",
    code,
    items.flatMap((item) => [item.code, kindOf(item)]),
  );
  return items.filter(
    (item) =>
      (stage === undefined || item.stage === stage) &&
      (code === undefined || code === item.code || code === kindOf(item)),
  );
}

/** `sandbox` of `sandbox/sandbox_lost`. */
function kindOf({ code }: OwedItem): string {
  return code.split("/", 1)[0] as string;
}

function expectOneOf(option: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  const names = [...new Set(known)].join(", ");
  throw new UsageError(`${option}: expected one of ${names || "none: nothing is owed in this run"}, got \`${given}\``);
}

function listed(folder: RunFolder, items: readonly OwedItem[]) {
  const owed = items.filter(({ waiver }) => waiver === null).map(({ waiver: _, ...item }) => item);
  return { run: folder.run, owed, waived: items.filter(({ waiver }) => waiver !== null) };
}

function listText(folder: RunFolder, items: readonly OwedItem[]): string {
  const { owed, waived } = listed(folder, items);
  if (items.length === 0) return `Nothing is owed or waived in run ${folder.run}.`;
  const parts = [`Run ${folder.run}: ${owed.length} owed, ${waived.length} waived`];
  if (owed.length > 0) {
    parts.push(
      `Owed\n${table(owed.map((item) => [`  ${item.id}`, item.stage, item.code, oneLine(item.message, 160)]))}`,
    );
  }
  if (waived.length > 0) {
    const rows = waived.map(({ id, stage, code, waiver }) => [
      `  ${id}`,
      stage,
      code,
      `by ${waiver?.by} on ${waiver?.at.slice(0, 10)} because ${oneLine(waiver?.because ?? "", 160)}`,
    ]);
    parts.push(`Waived\n${table(rows)}`);
  }
  return parts.join("\n\n");
}

async function wordsAfter(
  folder: RunFolder,
  { undo, changed, left }: { readonly undo: boolean; readonly changed: number; readonly left: number },
): Promise<string> {
  const manifest = await readManifest(folder);
  const again = manifest === null ? "npx tracemill run <config>" : commandOf(manifest);
  const lines = [
    undo
      ? `${plural(changed, "waiver")} taken back: the next run tries these items again.`
      : `${plural(changed, "item")} waived; ${left === 0 ? "nothing" : left} ${left > 1 ? "are" : "is"} still owed.`,
  ];
  if ((await readSummary(folder)) === null) {
    lines.push("This run has not ended (or it died): it keeps its failures, and waivers hold from the next run on.");
  }
  lines.push(
    undo || left > 0 ? `next: ${again}` : `next: ${again}\n      sends nothing for them, and its exports are final`,
  );
  return lines.join("\n");
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user often has no entry in /etc/passwd.
    return process.env.USER ?? `user ${process.getuid?.() ?? "unknown"}`;
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
