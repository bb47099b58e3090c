/** What a fallback is called wherever models are told apart (tallies, logs, errors): `teacher/fallback-1`, counted from 1. */
export function fallbackAlias(alias: string, place: number): string {
  return `${alias}/fallback-${place}`;
}

/** The model that a name belongs to: `teacher` of `teacher/fallback-1` and of `teacher`. */
export function ownerOf(alias: string): string {
  return /^(.*)\/fallback-\d+$/.exec(alias)?.[1] ?? alias;
}

/** Where the options of a model stand in the config: `models.teacher`, of its first fallback `models.teacher.fallbacks.0`. */
export function configPathOf(alias: string): string {
  const [, owner, place] = /^(.*)\/fallback-(\d+)$/.exec(alias) ?? [];
  return owner === undefined ? `models.${alias}` : `models.${owner}.fallbacks.${Number(place) - 1}`;
}

/** What the config says of the model or fallback of this name; undefined for a name that it does not have. */
export function entryOf<Entry extends { readonly fallbacks?: readonly object[] }>(
  models: Readonly<Record<string, Entry>>,
  alias: string,
): object | undefined {
  const owner = models[ownerOf(alias)];
  const place = /\/fallback-(\d+)$/.exec(alias)?.[1];
  return place === undefined ? owner : owner?.fallbacks?.[Number(place) - 1];
}
