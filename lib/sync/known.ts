// What is known of one side of a mailbox before it is looked at, and what is asked because of it: from
// where on UIDs are asked for, and what SELECT is told (RFC 7162 3.2.5). Asks nothing.

import { UidSet } from "../protocol/mod.ts";
import type { Cursor, Side, Store } from "../state/types.ts";
import { MAX_SAMPLE_UIDS, sample } from "./sample.ts";
import { listsAll, type SightQuestion } from "./sight.ts";

export type KnownState = Pick<Store, "cursors" | "pairCount" | "highestPaired" | "recentUids" | "unmapped">;

export interface Known {
  readonly cursor: Cursor | null;
  /** Highest UID that is mapped or below UIDNEXT. */
  readonly highest: number;
  readonly unmapped: UidSet;
  /** New mail has UIDs from here on. */
  readonly since: number;
  /** All UIDs are asked for, not only new ones. */
  readonly all: boolean;
}

/** What is known of a mailbox. `whole`: all UIDs are asked for, however many there are. */
export function knownOf(
  store: KnownState,
  { idx, side, hasEsearch, whole }: {
    readonly idx: number;
    readonly side: Side;
    /** The server can tell all UIDs in a few octets (RFC 4731). */
    readonly hasEsearch: boolean;
    readonly whole: boolean;
  },
): Known {
  const cursor = store.cursors(idx)?.[side] ?? null;
  const highest = Math.max((cursor?.uidNext ?? 0) - 1, store.highestPaired(idx)[side]);
  const unmapped = store.unmapped(idx, side);
  const since = Math.max(cursor?.uidNext ?? 0, 1);
  const all = whole || listsAll(store, idx, hasEsearch);
  return { cursor, highest, unmapped, since, all };
}

/** Whether a look is told what changed since the last one. */
export function canResync({ cursor, highest }: Known): boolean {
  return cursor !== null && cursor.highestModSeq !== 0n && highest >= 1;
}

/** What SELECT is told (RFC 7162 3.2.5); null: nothing. */
export function resyncParameters(
  store: KnownState,
  idx: number,
  side: Side,
  known: Known,
): SightQuestion["resync"] {
  const { cursor, highest, unmapped } = known;
  if (cursor === null || !canResync(known)) return null;
  // The sample tells sequence numbers, which are only known when the pairs are exactly the messages of the mailbox.
  const exact = unmapped.isEmpty && highest < cursor.uidNext;
  return {
    uidValidity: cursor.uidValidity,
    modSeq: cursor.highestModSeq,
    knownUids: UidSet.range(1, highest),
    sample: exact ? sample(store.pairCount(idx), store.recentUids(idx, side, MAX_SAMPLE_UIDS)) : null,
  };
}
