// Which servers are far away: so far that more is asked of them at once than is needed for certain, because another
// question would take longer. Pure.

/** A round trip. What is measured of a nearer server tells rather how busy it was; another question to it costs little. */
export const FAR_MS = 25;

/** Whether the server is so far away. `roundTripMs`: milliseconds. */
export function isFar({ roundTripMs }: { readonly roundTripMs: number }): boolean {
  return roundTripMs >= FAR_MS;
}
