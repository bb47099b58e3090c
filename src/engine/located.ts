import { BudgetError, StoreError, UsageError } from "../domain/errors.ts";

/** What stops a line, saying at which stage and item when it is a bug; an error whose class says what to do stays as it is. */
export function located(error: unknown, stage: string, id?: string): unknown {
  if (error instanceof StoreError || error instanceof UsageError || error instanceof BudgetError) return error;
  const where = id === undefined ? `Stage \`${stage}\` broke` : `Stage \`${stage}\` broke on item \`${id}\``;
  return new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
