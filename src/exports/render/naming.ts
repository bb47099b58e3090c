import { UsageError } from "../../domain/errors.ts";
import type { Example } from "../../domain/example.ts";

/** What `look` makes of an example; where the template or the tokenizer refuses it, the error says which example. */
export function naming<T>({ id }: Example, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    throw new UsageError(`Example ${id}: ${cause.message}`, { cause });
  }
}
