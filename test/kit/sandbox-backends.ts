import { sandboxBackends } from "../../src/sandboxes/index.ts";

/** Null when some sandbox backend can be used on this machine; else why none can, for the title of a skipped test. */
export async function sandboxMissing(): Promise<string | null> {
  const reasons: string[] = [];
  for (const entry of sandboxBackends) {
    const lack = await entry.lacks(undefined);
    if (lack === null) return null;
    reasons.push(`${entry.name}: ${lack.reason}`);
  }
  if ((process.env.TRACEMILL_REQUIRE_BACKENDS ?? "") !== "") return null; // required: let the tests run and fail
  return reasons.join("; ");
}
