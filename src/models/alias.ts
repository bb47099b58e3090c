/** What a fallback is called wherever models are told apart (tallies, logs, errors): `teacher/fallback-1`, counted from 1. */
export function fallbackAlias(alias: string, place: number): string {
  return `${alias}/fallback-${place}`;
}

/** Where the options of a model stand in the config: `models.teacher`, of its first fallback `models.teacher.fallbacks.0`. */
export function configPathOf(alias: string): string {
  const [, owner, place] = /^(.*)\/fallback-(\d+)$/.exec(alias) ?? [];
  return owner === undefined ? `models.${alias}` : `models.${owner}.fallbacks.${Number(place) - 1}`;
}
