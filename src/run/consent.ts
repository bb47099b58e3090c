import { createInterface } from "node:readline/promises";
import { UsageError } from "../domain/errors.ts";

/** Asks on a terminal before something leaves this machine or costs money. @throws {UsageError} where nobody agreed, or there is no terminal to ask on. */
export async function expectConsent({ yes }: { readonly yes: boolean }, question: string): Promise<void> {
  if (yes) return;
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
    throw new UsageError("Expected `--yes`, or a terminal to ask on. Nothing was sent");
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question(`${question} [y/N] `);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("Not confirmed. Nothing was sent");
}
