// The prompts of a run for its card: as their files are now, if they still are what the models were given.
import { basename, dirname, isAbsolute, resolve } from "node:path";
import type { Manifest } from "../archive/run-folder.ts";
import { UsageError } from "../domain/errors.ts";
import type { CardPrompt } from "../exports/card/subject.ts";
import { isObject } from "../exports/chat-line.ts";
import { loadPrompt } from "../prompts/load.ts";

/** Every prompt with its role in the config; one that has changed since is named without its text. No two have one name. */
export async function cardPrompts({ prompts, configPath, config }: Manifest): Promise<CardPrompt[]> {
  const roles = rolesOf(config);
  const taken = new Set<string>();
  const found: CardPrompt[] = [];
  for (const [path, sha256] of Object.entries(prompts)) {
    const isOwn = /^\.\.?\/|^\//.test(path);
    const plain = isOwn ? basename(path) : path;
    const name = taken.has(plain) ? `${sha256.slice(0, 8)}-${plain}` : plain;
    taken.add(name);
    const text = await textOf(/^\.\.?\//.test(path) ? resolve(dirname(configPath), path) : path);
    const role = roles.get(path) ?? /^(agent|propose)\//.exec(path)?.[1];
    found.push({
      name,
      text: text?.hash === sha256 ? text.text : null,
      sha256,
      ...(role === undefined ? {} : { role }),
    });
  }
  return found;
}

/** Path -> key in the config's `prompts`; the system prompts that go with a scaffold are not named there. */
function rolesOf(config: unknown): ReadonlyMap<string, string> {
  const prompts = isObject(config) && isObject(config.prompts) ? config.prompts : {};
  return new Map(
    Object.entries(prompts).flatMap(([role, path]): [string, string][] =>
      typeof path === "string" ? [[path, role]] : [],
    ),
  );
}

async function textOf(path: string): Promise<{ readonly text: string; readonly hash: string } | null> {
  try {
    return await loadPrompt(path);
  } catch (error) {
    if (error instanceof UsageError && (isAbsolute(path) || error.cause !== undefined)) return null; // it is gone: its hash is still known
    throw error;
  }
}
