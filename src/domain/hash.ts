import { createHash } from "node:crypto";

/** JSON with object keys sorted at every depth and `undefined` members left out: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== "object" || Array.isArray(member)) return member;
    const record = member as Record<string, unknown>;
    return Object.fromEntries(
      Object.keys(record)
        .sort()
        .map((key) => [key, record[key]]),
    );
  });
}

/** SHA-256 of a text or of bytes, as 64 hex digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 of a JSON value's canonical text, as 64 hex digits. */
export function hashOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

const storeKeys = new WeakMap<object, string>();

/** The key in the store of what is remembered: `<kind>/<hash>`. Worked out once for each object, which must not change. */
export function storeKeyOf(what: { readonly kind: string }): string {
  const known = storeKeys.get(what);
  if (known !== undefined) return known;
  const key = `${what.kind}/${hashOf(what)}`;
  storeKeys.set(what, key);
  return key;
}

/** An id that says what kind of thing it names and is a function of what the thing is: `query_3f9c0b…` (16 hex digits). */
export function contentId(kind: string, identity: unknown): string {
  return `${kind}_${hashOf(identity).slice(0, 16)}`;
}
