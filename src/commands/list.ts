import type { Argv } from "yargs";
import { table } from "../audit/text.ts";
import { suggestion } from "../config/explain.ts";
import { UsageError } from "../domain/errors.ts";
import { type Entry, kinds } from "./kinds.ts";

interface ListArguments {
  readonly kind: string | undefined;
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("kind", { type: "string", describe: `One kind: ${Object.keys(kinds).join(", ")}` })
    .option("json", { type: "boolean", default: false, describe: "Print JSON" });
}

export async function handler({ kind, json }: ListArguments): Promise<void> {
  const wanted = kind === undefined ? Object.keys(kinds) : [kind];
  const found: [string, { about: string; entries: Entry[] }][] = [];
  for (const name of wanted) {
    const one = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (one === undefined) {
      const names = Object.keys(kinds);
      throw new UsageError(
        `Expected a kind of thing to list, got \`${name}\`${suggestion(name, names, `: one of ${names.join(", ")}`)}`,
      );
    }
    found.push([name, { about: one.about, entries: await one.entries() }]);
  }
  if (json) {
    process.stdout.write(`${JSON.stringify(Object.fromEntries(found), null, 2)}\n`);
    return;
  }
  const [only] = found;
  const page =
    kind !== undefined && only !== undefined
      ? `${only[0]}: ${only[1].about}\n\n${table(only[1].entries.map(({ name, about }) => [name, about]))}`
      : `${table(found.map(([name, { entries }]) => [name, entries.map((entry) => entry.name).join(", ")]))}\n\nnext: tracemill list <kind>`;
  process.stdout.write(`${page}\n`);
}
