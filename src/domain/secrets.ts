// What must not be written down: the keys of a run, and how they are cut out of a text however it encodes them.

/** The secrets of a run. `cut` and `cutAll` change texts about a run only: what a model saw and said is training data and stays as it is. */
export interface Secrets {
  /** From now on this text is a secret. Nothing happens for one below the shortest length: such a "key" is a placeholder and may be a word. */
  add(value: string): void;
  /** The text with `[key]` for every secret in it: as it is, URL-encoded, in Base64, in hex, escaped for JSON; and for what is written like one. */
  cut(text: string): string;
  /** A JSON value with every text in it cut, and the whole text of members that are named like a secret (`apiKey`, `token`). */
  cutAll<T>(value: T): T;
  /** Whether a secret that cannot be there by chance stands in the text: 16 characters or more, at least eight of them different. */
  holds(text: string): boolean;
}

const replacement = "[key]";
const shortestUsual = 8;

// Written like a secret, whoever's it is: user and password or a key in an address, an Authorization header, the prefixes of known services.
// Bounded, because they run over texts of any length.
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/:@"'`]{0,200}:[^\s@"'`]{1,400}@/gi, `$1${replacement}@`],
  [/([?&][\w-]*(?:key|token|secret|password|signature|sig|auth)=)[^&\s"'#`]+/gi, `$1${replacement}`],
  [/\b(bearer\s+)[\w.~+/-]{16,}=*/gi, `$1${replacement}`],
  [/\b(authorization["']?\s*[:=]\s*["']?(?:basic\s+)?)[\w.~+/-]{8,}=*/gi, `$1${replacement}`],
  [/((?:api[-_]?key|token|secret|password|passwd|authorization)=)(?!…)[^\s"'`&]+/gi, `$1${replacement}`],
  [/\b(?:sk-|sk_|gsk_|hf_|ghp_|xai-|tgp_|AIza)[\w-]{16,}/g, replacement],
];
const secretMember = /(?:api[-_]?key|token|secret|password|passwd|authorization)$/i;

/** No secret yet. `shortest` is the least number of characters of a secret; 8 unless given. */
export function createSecrets({ shortest = shortestUsual }: { readonly shortest?: number } = {}): Secrets {
  const values = new Set<string>();
  let all: RegExp | null = null;
  let telling: RegExp | null = null;

  function cut(text: string): string {
    const known = all === null ? text : text.replace(all, replacement);
    return patterns.reduce((rest, [pattern, by]) => rest.replace(pattern, by), known);
  }

  function cutAll(value: unknown): unknown {
    if (typeof value === "string") return cut(value);
    if (Array.isArray(value)) return value.map(cutAll);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        cut(name),
        typeof member === "string" && secretMember.test(name) ? replacement : cutAll(member),
      ]),
    );
  }

  return {
    add(value) {
      if (value.length < shortest || values.has(value)) return;
      values.add(value);
      all = anyOf([...values].flatMap(formsOf), "g");
      telling = anyOf([...values].filter(isTelling).flatMap(formsOf), "");
    },
    cut,
    cutAll: <T>(value: T) => cutAll(value) as T,
    holds: (text) => telling?.test(text) ?? false,
  };
}

/** The secrets that an environment holds by the names of its variables, whether this run uses them or not. */
export function secretsOfEnvironment(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value = ""]) => {
    if (/^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/.test(name)) return headerValues(value.split(","), "=");
    if (/^OTEL_EXPORTER_OTLP_(\w+_)?ENDPOINT$/.test(name)) return addressSecrets(value);
    if (name === "OPENAI_CUSTOM_HEADERS") return headerValues(value.split("\n"), ":");
    return /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i.test(name) && value.trim().length >= 16
      ? [value.trim()]
      : [];
  });
}

function headerValues(pairs: readonly string[], between: string): string[] {
  return pairs.flatMap((pair) => {
    const value = pair.slice(pair.indexOf(between) + 1).trim();
    const bare = decoded(value).replace(/^(bearer|basic)\s+/i, "");
    return [value, decoded(value), bare];
  });
}

function addressSecrets(address: string): string[] {
  if (!URL.canParse(address)) return [];
  const { username, password, searchParams } = new URL(address);
  const both = username === "" && password === "" ? [] : [`${decoded(username)}:${decoded(password)}`];
  return [...both, decoded(username), decoded(password), ...searchParams.values()];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text; // Not encoded after all.
    throw error;
  }
}

function isTelling(value: string): boolean {
  return value.length >= 16 && new Set(value).size >= 8;
}

/** A secret as texts may carry it. One that is shorter than usual only as it is: its encodings would be found by chance. */
function formsOf(value: string): string[] {
  if (value.length < shortestUsual) return [value];
  const escaped = JSON.stringify(value).slice(1, -1);
  const bytes = Buffer.from(value);
  const encodings = [...base64Inside(bytes), encodeURIComponent(value), bytes.toString("hex")];
  return [value, escaped, JSON.stringify(escaped).slice(1, -1), ...encodings];
}

/** What Base64 makes of these bytes wherever they begin in what is encoded, as after `user:` or `Bearer `; without the ends that depend on it. */
function base64Inside(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = (before + bytes.length) % 3 === 0;
    const inside = text.slice(before === 0 ? 0 : before + 1, whole ? undefined : -1);
    return [inside, inside.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function anyOf(texts: readonly string[], flags: string): RegExp | null {
  const escaped = [...new Set(texts)]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return escaped.length === 0 ? null : new RegExp(escaped.join("|"), flags);
}
