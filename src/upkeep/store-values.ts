// What may lie in a store, by the beginning of the key, and how to tell that a value is whole.
import { z } from "zod";
import { waiver } from "../archive/waivers.ts";
import { profileVersion } from "../datasets/profile.ts";
import { fileProfile, tableProfile } from "../domain/dataset.ts";
import { sha256 } from "../domain/hash.ts";
import { answer, completionVersion } from "../models/answer.ts";
import { collectVersion, storedCollection } from "../sandboxes/collect.ts";
import { sandboxStepVersion, storedStep } from "../sandboxes/session.ts";

/** Kinds of values a run may use again instead of computing them; the first cost money. */
export const rememberedKinds = ["completion", "sandbox-step", "collect", "profile", "joins"] as const;

const holder = z.looseObject({ boot: z.string(), pid: z.number(), started: z.string() });
const remembered = (value: z.ZodType) => z.strictObject({ version: z.number().int(), at: z.iso.datetime(), value });
// Of the version that this program writes; another version's values are asked for their frame only.
const current: Readonly<Record<string, { readonly version: number; readonly schema: z.ZodType }>> = {
  completion: { version: completionVersion, schema: answer },
  "sandbox-step": { version: sandboxStepVersion, schema: storedStep },
  collect: { version: collectVersion, schema: storedCollection },
  profile: { version: profileVersion, schema: z.array(tableProfile) },
  joins: { version: profileVersion, schema: z.array(fileProfile) },
};
const frames: Readonly<Record<string, z.ZodType>> = {
  completion: remembered(z.unknown()),
  "sandbox-step": remembered(z.unknown()),
  collect: remembered(z.unknown()),
  profile: remembered(z.unknown()),
  joins: remembered(z.unknown()),
  body: z.looseObject({ id: z.string() }),
  waiver,
  ledger: z.looseObject({ version: z.number(), holder, value: z.unknown() }),
  intent: holder,
  lease: holder,
  user: holder,
};

/** The kind of value that lies under a key: what stands before its first slash. */
export function kindOfKey(key: string): string {
  const end = key.indexOf("/");
  return end < 0 ? key : key.slice(0, end);
}

/** What is wrong with a stored value; null where it is whole, or of a kind this version does not know. */
export function problemOfValue(key: string, text: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "it is not JSON";
  }
  const kind = kindOfKey(key);
  const frame = frames[kind];
  if (frame === undefined) return null;
  const framed = frame.safeParse(value);
  if (!framed.success) return `it does not have the form of a ${kind}: ${firstLine(framed.error)}`;
  if (kind === "body" && key !== `body/${sha256(text)}`) return "it does not hash to its key";
  const known = current[kind];
  const record = value as { readonly version?: number; readonly value?: unknown };
  if (known === undefined || record.version !== known.version) return null;
  const parsed = known.schema.safeParse(record.value);
  return parsed.success ? null : `it does not have the form of a ${kind}: ${firstLine(parsed.error)}`;
}

/** When a remembered value was stored (ISO); null where it does not say. */
export function storedAt(text: string): string | null {
  return /^\{"version":\d+,"at":"([^"]+)"/.exec(text)?.[1] ?? null;
}

function firstLine(error: z.ZodError): string {
  return z.prettifyError(error).split("\n").slice(0, 2).join(" ").trim();
}
