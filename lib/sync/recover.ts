// Decides which messages found on the target are the copies that an interrupted run had begun to append, without asking
// the source. Knows neither how candidates are read nor how intents are stored.

import type { AppendIntent, IntendedMessage } from "../state/types.ts";
import type { Pair, Side } from "./model.ts";

/** A message of the target that no pair knows. */
export interface Candidate {
  readonly uid: number;
  /** RFC822.SIZE. */
  readonly octets: number;
  /** INTERNALDATE, seconds since the epoch. */
  readonly internalDate: number;
  /** Digest of the identifying header fields (hex). */
  readonly headerDigest: string;
}

/** What 31 bits reach back to, in December 1901: servers replace earlier dates. */
export const EARLIEST_S = -(2 ** 31);
/** How far a server's clock may be behind ours. */
const CLOCK_DIFFERENCE_S = 24 * 60 * 60;

/** Source messages and candidates that look the same. */
interface Bucket {
  readonly wanted: { readonly sourceUid: number; readonly from: number }[];
  /** Ascending UIDs. */
  readonly found: number[];
}

/**
 * Pairs what was appended with the messages it came from, one to one; what finds no copy was not appended and is to be
 * copied again. Equal messages pair in the order of the intents and of ascending UIDs: which of them is which cannot be
 * told, and does not matter. Candidates below an intent's targetUidNext were there before it.
 *
 * `intents`: of one mailbox and of its present UIDVALIDITYs; those for the other target are passed over. `pairedSources`:
 * UIDs of the source side that have a pair. The pairs ascend by the target's UID; `settled` holds the id of every intent
 * for this target.
 */
export function matchIntents(
  intents: readonly AppendIntent[],
  candidates: readonly Candidate[],
  pairedSources: { has(uid: number): boolean },
  target: Side,
): { readonly pairs: Pair[]; readonly settled: number[] } {
  const ours = intents.filter((intent) => intent.target === target);
  const buckets = new Map<string, Bucket>();
  for (const intent of ours) {
    for (const message of intent.messages) {
      if (pairedSources.has(message.sourceUid)) continue;
      bucketOf(buckets, message).wanted.push({ sourceUid: message.sourceUid, from: intent.targetUidNext });
    }
  }
  for (const candidate of distinctAscending(candidates)) {
    buckets.get(likeness(candidate))?.found.push(candidate.uid);
  }
  const taken = new Set<number>();
  const pairs: Pair[] = [];
  for (const bucket of buckets.values()) matchBucket(bucket, target, taken, pairs);
  matchReplacedDates(ours, candidates, pairedSources, target, taken, pairs);
  pairs.sort((a, b) => target === "local" ? a.localUid - b.localUid : a.remoteUid - b.remoteUid);
  return { pairs, settled: ours.map((intent) => intent.id) };
}

/**
 * By ascending lower limit, each takes the lowest candidate that is left: a candidate below one limit is below all that
 * follow, so no other choice pairs more. `taken`: source UIDs paired so far, for one may stand in two intents.
 */
function matchBucket(bucket: Bucket, target: Side, taken: Set<number>, pairs: Pair[]): void {
  const wanted = bucket.wanted.toSorted((a, b) => a.from - b.from); // stable: equal limits stay in intent order
  let next = 0;
  for (const { sourceUid, from } of wanted) {
    if (taken.has(sourceUid)) continue;
    while ((bucket.found[next] ?? from) < from) next++;
    const uid = bucket.found[next];
    if (uid === undefined) return;
    next++;
    taken.add(sourceUid);
    pairs.push(target === "local" ? { localUid: uid, remoteUid: sourceUid } : { localUid: sourceUid, remoteUid: uid });
  }
}

/**
 * What was sent with a date in the future may have got the date of its arrival instead, and one from before 1902 a later
 * one: whatever of it is left takes a copy that has the same size and fields, and such a date. Few messages are like that.
 */
function matchReplacedDates(
  intents: readonly AppendIntent[],
  candidates: readonly Candidate[],
  pairedSources: { has(uid: number): boolean },
  target: Side,
  taken: Set<number>,
  pairs: Pair[],
): void {
  const used = new Set(pairs.map((pair) => target === "local" ? pair.localUid : pair.remoteUid));
  const ascending = distinctAscending(candidates);
  for (const { messages, targetUidNext } of intents) {
    for (const { sourceUid, octets, internalDate, headerDigest, sentAt } of messages) {
      if (sentAt === undefined || taken.has(sourceUid) || pairedSources.has(sourceUid)) continue;
      const copy = ascending.find((one) =>
        one.uid >= targetUidNext && !used.has(one.uid) && one.octets === octets && one.headerDigest === headerDigest &&
        mayReplace(one.internalDate, internalDate, sentAt)
      );
      if (copy === undefined) continue;
      used.add(copy.uid);
      taken.add(sourceUid);
      pairs.push(
        target === "local"
          ? { localUid: copy.uid, remoteUid: sourceUid }
          : { localUid: sourceUid, remoteUid: copy.uid },
      );
    }
  }
}

function mayReplace(date: number, intended: number, sentAt: number): boolean {
  if (intended < EARLIEST_S) return date >= intended && date <= EARLIEST_S + CLOCK_DIFFERENCE_S;
  return date <= intended && date >= sentAt - CLOCK_DIFFERENCE_S;
}

function bucketOf(buckets: Map<string, Bucket>, message: IntendedMessage): Bucket {
  const key = likeness(message);
  const found = buckets.get(key);
  if (found !== undefined) return found;
  const bucket: Bucket = { wanted: [], found: [] };
  buckets.set(key, bucket);
  return bucket;
}

/** Messages with the same text look the same. */
function likeness(message: IntendedMessage | Candidate): string {
  return `${message.octets} ${message.internalDate} ${message.headerDigest}`;
}

function distinctAscending(candidates: readonly Candidate[]): readonly Candidate[] {
  const sorted = candidates.toSorted((a, b) => a.uid - b.uid);
  return sorted.filter((candidate, i) => candidate.uid !== sorted[i - 1]?.uid);
}
