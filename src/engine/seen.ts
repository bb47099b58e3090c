/** A set of ids in 16 to 32 bytes each, whatever their length: it keeps 64-bit hashes, not the ids. */
export function createSeen() {
  let capacity = 1_024;
  let count = 0;
  let slots = new Uint32Array(capacity * 2);

  function insert(into: Uint32Array, low: number, high: number): boolean {
    const mask = into.length / 2 - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 2;
      if (into[at] === 0 && into[at + 1] === 0) {
        into[at] = low;
        into[at + 1] = high;
        return true;
      }
      if (into[at] === low && into[at + 1] === high) return false;
    }
  }

  function grow(): void {
    const old = slots;
    capacity *= 2;
    slots = new Uint32Array(capacity * 2);
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at] as number;
      const high = old[at + 1] as number;
      if (low !== 0 || high !== 0) insert(slots, low, high);
    }
  }

  return {
    /** Adds an id. False when it was there before. */
    add(id: string): boolean {
      const [low, high] = hash64(id);
      if (!insert(slots, low, high)) return false;
      count += 1;
      if (count * 2 > capacity) grow();
      return true;
    },
  };
}

/** cyrb53's two 32-bit lanes; never both 0, which marks an empty slot. */
function hash64(text: string): [number, number] {
  let one = 0xdeadbeef;
  let two = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, 2654435761);
    two = Math.imul(two ^ unit, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return one === 0 && two === 0 ? [1, 0] : [one >>> 0, two >>> 0];
}
