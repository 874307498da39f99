// fast-check generators for the values that lib/sync, lib/state and lib/protocol share. Small numbers on purpose:
// collisions, equal messages and adjacent UIDs are where the mistakes are. Knows no test.

import fc from "fast-check";
import { makeFlagSet } from "../../lib/protocol/flags.ts";
import type { FlagSet } from "../../lib/protocol/types.ts";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import type { Pair } from "../../lib/state/types.ts";
import type { ListedMailbox } from "../../lib/sync/model.ts";

const FLAGS = ["\\Answered", "\\Deleted", "\\Flagged", "\\Seen", "$Forwarded", "work"];

/** Flag sets out of a small pool, the empty one included. */
export function flagSets(): fc.Arbitrary<FlagSet> {
  return fc.subarray(FLAGS).map(makeFlagSet);
}

/** UIDs from 1 to `max`. */
export function uids(max = 60): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max });
}

/** Different UIDs in ascending order. */
export function ascendingUids(
  constraints: { minLength?: number; maxLength?: number; max?: number } = {},
): fc.Arbitrary<number[]> {
  const { minLength = 0, maxLength = 20, max = 60 } = constraints;
  return fc.uniqueArray(uids(max), { minLength, maxLength }).map((list) => list.sort((a, b) => a - b));
}

/** Sets of UIDs up to `max`. */
export function uidSets(max = 60): fc.Arbitrary<UidSet> {
  return fc.array(uids(max), { maxLength: 20 }).map((list) => UidSet.of(list));
}

/** Like uidSets(), sometimes with ranges up to the highest UID there can be. */
export function hugeUidSets(): fc.Arbitrary<UidSet> {
  const tail = fc.tuple(fc.boolean(), uids(100)).map(([huge, from]) =>
    huge ? UidSet.range(from, MAX_UID) : UidSet.empty
  );
  return fc.tuple(uidSets(), tail).map(([set, range]) => set.union(range));
}

/** A bijection between UIDs of both sides, in any order on the remote side; ascending by local UID. */
export function pairings(maxLength = 20): fc.Arbitrary<Pair[]> {
  return fc.tuple(
    fc.uniqueArray(uids(), { maxLength }),
    fc.uniqueArray(uids(), { minLength: maxLength, maxLength }),
  ).map(([local, remote]) =>
    local.sort((a, b) => a - b).map((localUid, i) => ({ localUid, remoteUid: remote[i] ?? 0 }))
  );
}

/** Internal mailbox names out of a small tree; INBOX and its children among them. */
export function mailboxNames(): fc.Arbitrary<string> {
  const word = fc.constantFrom("INBOX", "a", "a.b", "a b", "b", "\xe9", "!");
  return fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join("\0"));
}

/** What one server listed: each name at most once. */
export function mailboxListings(): fc.Arbitrary<ListedMailbox[]> {
  const listed = fc.record({ mailbox: mailboxNames(), exists: fc.boolean(), subscribed: fc.boolean() });
  return fc.uniqueArray(listed, { maxLength: 12, selector: ({ mailbox }) => mailbox });
}

/** `array` in any order. */
export function shuffled<T>(array: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...array], { minLength: array.length, maxLength: array.length });
}
