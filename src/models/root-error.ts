/** What a fetch error says at its root, and its system code; the outer ones only say that fetching failed. */
export function deepest(error: unknown): { readonly message: string; readonly code?: unknown } {
  if (!(error instanceof Error)) return { message: String(error) };
  if (error instanceof AggregateError && error.errors.length > 0) return deepest(error.errors[0]);
  return error.cause instanceof Error ? deepest(error.cause) : error;
}
