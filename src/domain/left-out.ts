/** The marker that stands in a conversation where an observation was shortened, for an agent at work and in training data alike. */
export function leftOutForRoom(characters: number): string {
  return `[... ${characters.toLocaleString("en-US")} characters of this output were left out to make room ...]`;
}
