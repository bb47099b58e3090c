import { hashOf } from "../domain/hash.ts";

/**
 * The first `limit` items of an order that deals the groups in turn, so that few items are spread over many groups. The order is a
 * function of `seed` and the ids alone: a larger limit holds the items of a smaller one.
 */
export function spread<T extends { readonly id: string }>(
  items: readonly T[],
  options: { readonly limit: number; readonly seed: number; readonly groupOf: (item: T) => string },
): T[] {
  const { limit, seed, groupOf } = options;
  const rank = (text: string) => hashOf([seed, text]);
  const groups = new Map<string, { readonly item: T; readonly rank: string }[]>();
  for (const item of items) {
    const group = groupOf(item);
    const members = groups.get(group);
    const ranked = { item, rank: rank(item.id) };
    if (members === undefined) groups.set(group, [ranked]);
    else members.push(ranked);
  }
  const hands = [...groups]
    .map(([group, members]) => ({ rank: rank(group), members: members.sort(byRank) }))
    .sort(byRank)
    .map(({ members }) => members);
  const chosen: T[] = [];
  for (let round = 0; chosen.length < limit; round++) {
    const dealt = hands.flatMap((hand) => hand[round]?.item ?? []);
    if (dealt.length === 0) break;
    chosen.push(...dealt.slice(0, limit - chosen.length));
  }
  return chosen;
}

function byRank(a: { readonly rank: string }, b: { readonly rank: string }): number {
  return a.rank < b.rank ? -1 : 1;
}
