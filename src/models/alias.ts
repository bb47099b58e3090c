/** What a fallback is called wherever models are told apart (tallies, logs, errors): `teacher/fallback-1`, counted from 1. */
export function fallbackAlias(alias: string, place: number): string {
  return `${alias}/fallback-${place}`;
}

/** A name taken apart: the model's own, and which of its fallbacks is meant, counted from 0; null for the model itself. */
function read(alias: string): { readonly owner: string; readonly index: number | null } {
  const [, owner, place] = /^(.*)\/fallback-(\d+)$/.exec(alias) ?? [];
  return owner === undefined ? { owner: alias, index: null } : { owner, index: Number(place) - 1 };
}

/** The model that a name belongs to: `teacher` of `teacher/fallback-1` and of `teacher`. */
export function ownerOf(alias: string): string {
  return read(alias).owner;
}

/** Where the options of a model stand in the config: `models.teacher`, of its first fallback `models.teacher.fallbacks.0`. */
export function configPathOf(alias: string): string {
  const { owner, index } = read(alias);
  return index === null ? `models.${owner}` : `models.${owner}.fallbacks.${index}`;
}

/** What the config says of the model or fallback of this name; undefined for a name that it does not have. */
export function entryOf<Entry extends { readonly fallbacks?: readonly object[] }>(
  models: Readonly<Record<string, Entry>>,
  alias: string,
): object | undefined {
  const { owner, index } = read(alias);
  return index === null ? models[owner] : models[owner]?.fallbacks?.[index];
}
