// Chooses the message sequence match data of the QRESYNC parameter of SELECT (RFC 7162 3.2.5.2): the highest known UIDs
// with their sequence numbers, as many as fit a short text. Knows nothing of commands or of the database.

import { UidSet } from "../protocol/uid_set.ts";

/** No more UIDs than this are worth reading from the database. */
export const MAX_SAMPLE_UIDS = 1024;
/** No range is begun once the text of the set is longer than this. */
const ENOUGH_TEXT_OCTETS = 256;

/** Message sequence numbers and, one for one, the UIDs they had. */
export interface Sample {
  readonly seqs: UidSet;
  readonly uids: UidSet;
}

/**
 * The last messages of a mailbox; null when there is none to name. `recent`: the highest paired UIDs of one side,
 * descending, without gaps in the list (only the first MAX_SAMPLE_UIDS count). Holds only when the `pairCount` pairs are
 * exactly the messages of the mailbox; whether they are is the caller's to know.
 */
export function sample(pairCount: number, recent: readonly number[]): Sample | null {
  const ranges = highestRanges(recent);
  if (ranges.length === 0) return null;
  const uids = UidSet.fromBounds(ranges.toReversed().flat());
  const count = uids.size;
  if (count > pairCount) return null; // no sample is always allowed, a wrong one never
  return { seqs: UidSet.range(pairCount - count + 1, pairCount), uids };
}

/** First and last UID of each range, the highest range first. */
function highestRanges(recent: readonly number[]): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let octets = 0;
  let first = 0;
  let last = 0;
  for (const uid of recent.slice(0, MAX_SAMPLE_UIDS)) {
    if (last !== 0 && uid === first - 1) {
      first = uid;
      continue;
    }
    if (last !== 0) {
      octets += rangeOctets(first, last) + (ranges.length === 0 ? 0 : 1);
      ranges.push([first, last]);
      if (octets > ENOUGH_TEXT_OCTETS) return ranges;
    }
    first = last = uid;
  }
  if (last !== 0) ranges.push([first, last]);
  return ranges;
}

function rangeOctets(first: number, last: number): number {
  return first === last ? `${first}`.length : `${first}:${last}`.length;
}
