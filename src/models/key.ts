import { UsageError } from "../domain/errors.ts";
import { createSecrets } from "../domain/secrets.ts";
import { configPathOf } from "./alias.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";
import type { ProviderDeps } from "./provider.ts";

/** Cuts this model's key, however short, and every other secret of the run out of what an error quotes. */
export function cutter(key: string | null, { secrets }: ProviderDeps): (text: string) => string {
  const own = createSecrets({ shortest: 1 });
  if (key !== null) {
    own.add(key);
    secrets?.add(key);
  }
  return (text) => (secrets === undefined ? own.cut(text) : secrets.cut(own.cut(text)));
}

/** The key that a model's config names; null where none is sent. @throws {UsageError} where the variable holds none, or no key. */
export function readKey(alias: string, config: OpenAiCompatibleConfig, env: ProviderDeps["env"]): string | null {
  const { apiKeyEnv, baseUrl } = config;
  if (apiKeyEnv === null || (apiKeyEnv === undefined && isLoopback(baseUrl))) return null;
  if (apiKeyEnv === undefined) {
    throw new UsageError(
      `Expected \`${configPathOf(alias)}.apiKeyEnv\` to name the environment variable that holds the key for ${baseUrl}, got nothing. ` +
        "Name it, or write `apiKeyEnv: null` if the endpoint takes no key.",
    );
  }
  const key = env[apiKeyEnv]?.trim();
  if (key === undefined || key === "") {
    throw new UsageError(
      `Expected the environment variable \`${apiKeyEnv}\` (named by \`${configPathOf(alias)}.apiKeyEnv\`) to hold the key for ${baseUrl}, ` +
        `got ${key === undefined ? "nothing" : "an empty text"}. Run \`export ${apiKeyEnv}=…\` first, or name another variable.`,
    );
  }
  // Checked here because fetch would quote the whole value in its error.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(
      `Expected the environment variable \`${apiKeyEnv}\` (named by \`${configPathOf(alias)}.apiKeyEnv\`) to hold a key of printable ASCII ` +
        "characters, got spaces, line breaks or other characters in it (not shown). Set it again.",
    );
  }
  return key;
}

/** Whether an address is of this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
