// Weighs what a server said of one mailbox against a listing of all its UIDs (RFC 7162 3.2.5, 3.2.10): which messages are
// gone, which of them without a word, and whether the server's word is worth anything. Pure: knows no command, and not
// how often the server has been asked.

import { UidSet } from "../protocol/uid_set.ts";

/** What is known, what was said and what was listed, of one side in one selection. */
export interface Evidence {
  readonly paired: UidSet;
  /** Known and deliberately without a copy. */
  readonly unmapped: UidSet;
  /** UIDNEXT of the cursor: what lies below was known to somebody. */
  readonly since: number;
  /** VANISHED, as far as it names UIDs that can be known. */
  readonly claimed: UidSet;
  /** Every UID that exists. */
  readonly listed: UidSet;
  readonly exists: number;
}

export interface Finding {
  /** Pairs without a message here: by the listing, whatever was claimed. */
  readonly missing: UidSet;
  /** Of these, the ones that the server did not name. */
  readonly unreported: UidSet;
  /** Said to have vanished, and there. */
  readonly alive: UidSet;
  /** To be copied. */
  readonly arrived: UidSet;
  /** Below UIDNEXT, and neither paired nor recorded as unmapped: an earlier run of another program passed over them. */
  readonly passedOver: UidSet;
  /** Recorded as unmapped, and gone or paired meanwhile. */
  readonly settled: UidSet;
  /** EXISTS and the listing contradict each other. */
  readonly miscounted: boolean;
  readonly exists: number;
  readonly listedCount: number;
}

export function weigh({ paired, unmapped, since, claimed, listed, exists }: Evidence): Finding {
  const missing = paired.subtract(listed);
  const unknown = listed.subtract(paired).subtract(unmapped);
  const below = UidSet.range(1, since - 1);
  return {
    missing,
    unreported: missing.subtract(claimed),
    alive: claimed.intersect(paired).intersect(listed),
    arrived: unknown.subtract(below),
    passedOver: unknown.intersect(below),
    settled: unmapped.subtract(listed).union(unmapped.intersect(paired)),
    miscounted: listed.size !== exists,
    exists,
    listedCount: listed.size,
  };
}

/** UIDs are named in messages up to this many octets. */
const SHOWN_OCTETS = 200;

/** What is wrong with the server's word, for people; null: nothing. */
export function doubtIn({ unreported, alive, miscounted, exists, listedCount }: Finding): string | null {
  if (!unreported.isEmpty) {
    return `The server's answer does not add up: ${unreported.size} message(s) are missing (UID ${
      brief(unreported)
    }) ` +
      "that it did not report as expunged";
  }
  if (!alive.isEmpty) return `The server reported UID(s) ${brief(alive)} as vanished that exist`;
  return miscounted ? `The server's answer does not add up: it says EXISTS ${exists} and lists ${listedCount}` : null;
}

/**
 * What is gone for certain after two listings of a server that was caught wrong: missing from both, or missing from the
 * second and reported with it.
 */
export function provenMissing(first: Finding, second: Finding): UidSet {
  return second.missing.intersect(first.missing).union(second.missing.subtract(second.unreported));
}

/** A set of UIDs as far as there is room for it in a line. */
export function brief(uids: UidSet): string {
  const text = uids.toString();
  return text.length <= SHOWN_OCTETS ? text : `${text.slice(0, text.lastIndexOf(",", SHOWN_OCTETS))},...`;
}
