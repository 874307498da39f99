// Which messages of two mailboxes are the same, by what is known of them: first those that one key names once on each
// side, then, by the digest of their octets, the others. Columns of numbers, so that a message costs about 32 octets,
// and time in proportion to the messages. Knows neither how evidence is read nor what a key is made of.

import type { Fingerprint } from "../base/fingerprint.ts";
import { type UidSet, UidSetBuilder } from "../protocol/uid_set.ts";
import type { BothSides, Pair } from "./model.ts";

/**
 * What the evidence for a message is worth. `unknown`: nothing was said of it, or it cannot be copied: it is no candidate.
 * `weak`: only the digest of its octets proves anything. `strong`: its key names it, if nothing else has that key.
 */
export type Strength = "unknown" | "weak" | "strong";
const STRENGTHS: readonly Strength[] = ["unknown", "weak", "strong"];
const UNKNOWN = 0;
const STRONG = 2;

/** What is known of the messages of one side, in columns by ascending UID. */
export class Evidence {
  readonly uids: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #details: Uint32Array;
  readonly #strengths: Uint8Array;

  /** `uids`: of messages that are in the mailbox. */
  constructor(uids: UidSet) {
    const { size } = uids;
    this.uids = new Uint32Array(size);
    let at = 0;
    for (const uid of uids) this.uids[at++] = uid;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#details = new Uint32Array(size);
    this.#strengths = new Uint8Array(size);
  }

  get count(): number {
    return this.uids.length;
  }

  /** UIDs that were not given to the constructor are passed over. `detail` counts modulo 2^32. */
  set(uid: number, key: Fingerprint, detail: number, strength: Strength): void {
    const at = this.#indexOf(uid);
    if (at < 0) return;
    this.#high[at] = key.high;
    this.#low[at] = key.low;
    this.#details[at] = detail;
    this.#strengths[at] = STRENGTHS.indexOf(strength);
  }

  uid(at: number): number {
    return this.uids[at] ?? 0;
  }

  isKnown(at: number): boolean {
    return (this.#strengths[at] ?? UNKNOWN) !== UNKNOWN;
  }

  /** Whether something is known of all these messages. */
  knowsAll(uids: UidSet): boolean {
    const known = new UidSetBuilder();
    for (let at = 0; at < this.count; at++) if (this.isKnown(at)) known.add(this.uid(at));
    return uids.subtract(known.build()).isEmpty;
  }

  /** Whether the detail of any message is not 0. */
  get hasDetails(): boolean {
    return this.#details.some((detail) => detail !== 0);
  }

  isStrong(at: number): boolean {
    return this.#strengths[at] === STRONG;
  }

  hasKeyOf(at: number, other: Evidence, otherAt: number): boolean {
    return this.#low[at] === other.#low[otherAt] && this.#high[at] === other.#high[otherAt];
  }

  hasDetailOf(at: number, other: Evidence, otherAt: number): boolean {
    return this.#details[at] === other.#details[otherAt];
  }

  /** A number that is the same for equal keys; with `exact` for equal keys and details. Nobody can foresee it. */
  hash(at: number, exact: boolean): number {
    const low = this.#low[at] ?? 0;
    return exact ? low ^ Math.imul((this.#details[at] ?? 0) ^ (this.#high[at] ?? 0), 0x9e3779b1) : low;
  }

  #indexOf(uid: number): number {
    let low = 0;
    let high = this.uids.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.uid(middle);
      if (found === uid) return middle;
      if (found < uid) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

/**
 * Those of `uids` whose key is on the other side too: no others can be the same. All of them when of one nothing is known,
 * for that may be the same as any.
 */
export function withSharedKeys(uids: BothSides<UidSet>, known: BothSides<Evidence>): BothSides<UidSet> {
  if (!known.local.knowsAll(uids.local) || !known.remote.knowsAll(uids.remote)) return uids;
  return {
    local: sharedKeys(uids.local, known.local, known.remote),
    remote: sharedKeys(uids.remote, known.remote, known.local),
  };
}

function sharedKeys(uids: UidSet, mine: Evidence, others: Evidence): UidSet {
  const index = new KeyIndex(others, false);
  // Of equal ones the first: long chains of them would be walked along for nothing.
  for (let at = 0; at < others.count; at++) if (others.isKnown(at) && index.find(others, at) < 0) index.add(at);
  const shared = new UidSetBuilder();
  for (let at = 0; at < mine.count; at++) if (index.find(mine, at) >= 0) shared.add(mine.uid(at));
  return shared.build().intersect(uids);
}

export interface Recognized {
  /** Ascending by local UID. */
  readonly pairs: readonly Pair[];
  /** Messages that may be one with some of the other side: the digests of their octets decide. */
  readonly doubtful: BothSides<UidSet>;
}

/**
 * Pairs the messages whose key is there once on each side, with equal details and strong evidence on both. Where a key is
 * on both sides in any other way, what is one with what is in doubt; where it is on one side only, nothing is.
 */
export function pairUnique(local: Evidence, remote: Evidence): Recognized {
  const index = new KeyIndex(local, false);
  /** For the first message of each key: how many of either side have it (2: more than one), and one of the remote. */
  const counts = { local: new Uint8Array(local.count), remote: new Uint8Array(local.count) };
  const partners = new Int32Array(local.count);
  for (let at = 0; at < local.count; at++) {
    if (!local.isKnown(at)) continue;
    const first = index.find(local, at);
    if (first < 0) index.add(at);
    increase(counts.local, first < 0 ? at : first);
  }
  for (let at = 0; at < remote.count; at++) {
    const first = remote.isKnown(at) ? index.find(remote, at) : -1;
    if (first < 0) continue;
    increase(counts.remote, first);
    partners[first] = at;
  }
  const certain = (first: number): boolean => {
    const partner = partners[first] ?? 0;
    return counts.local[first] === 1 && counts.remote[first] === 1 && local.isStrong(first) &&
      remote.isStrong(partner) && local.hasDetailOf(first, remote, partner);
  };
  const pairs: Pair[] = [];
  const doubtful = { local: new UidSetBuilder(), remote: new UidSetBuilder() };
  for (let at = 0; at < local.count; at++) {
    const first = local.isKnown(at) ? index.find(local, at) : -1;
    if (first < 0 || counts.remote[first] === 0) continue;
    if (certain(first)) pairs.push({ localUid: local.uid(at), remoteUid: remote.uid(partners[first] ?? 0) });
    else doubtful.local.add(local.uid(at));
  }
  for (let at = 0; at < remote.count; at++) {
    const first = remote.isKnown(at) ? index.find(remote, at) : -1;
    if (first >= 0 && !certain(first)) doubtful.remote.add(remote.uid(at));
  }
  return { pairs, doubtful: { local: doubtful.local.build(), remote: doubtful.remote.build() } };
}

function increase(counts: Uint8Array, at: number): void {
  counts[at] = Math.min(2, (counts[at] ?? 0) + 1);
}

/**
 * Pairs messages with equal keys as multisets: of n here and m there, as many as there are on both sides. For keys that
 * are the digest of everything: such messages are interchangeable, so it does not matter which is which; those with equal
 * details come first, then the others, each in the order of their UIDs.
 */
export function pairEqual(local: Evidence, remote: Evidence): readonly Pair[] {
  const pairs: Pair[] = [];
  const paired = { local: new Uint8Array(local.count), remote: new Uint8Array(remote.count) };
  for (const exact of [true, false]) {
    const index = new KeyIndex(local, exact);
    // Backwards: the lowest UID is to be found first.
    for (let at = local.count - 1; at >= 0; at--) {
      if (local.isKnown(at) && paired.local[at] === 0) index.add(at);
    }
    for (let at = 0; at < remote.count; at++) {
      const found = remote.isKnown(at) && paired.remote[at] === 0 ? index.take(remote, at) : -1;
      if (found < 0) continue;
      paired.local[found] = 1;
      paired.remote[at] = 1;
      pairs.push({ localUid: local.uid(found), remoteUid: remote.uid(at) });
    }
  }
  return pairs.sort((a, b) => a.localUid - b.localUid);
}

const NONE = -1;

/** Finds messages of one side by the key of a message: a table of chains. */
class KeyIndex {
  readonly #evidence: Evidence;
  readonly #exact: boolean;
  readonly #mask: number;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;

  /** `exact`: the detail is part of the key. */
  constructor(evidence: Evidence, exact: boolean) {
    this.#evidence = evidence;
    this.#exact = exact;
    this.#mask = 2 ** Math.ceil(Math.log2(evidence.count + 1)) - 1;
    this.#heads = new Int32Array(this.#mask + 1).fill(NONE);
    this.#next = new Int32Array(evidence.count).fill(NONE);
  }

  /** Before all that have the same key. */
  add(at: number): void {
    const slot = this.#evidence.hash(at, this.#exact) & this.#mask;
    this.#next[at] = this.#heads[slot] ?? NONE;
    this.#heads[slot] = at;
  }

  /** The one added last that has the key of this message, or -1. */
  find(of: Evidence, at: number): number {
    let found = this.#heads[of.hash(at, this.#exact) & this.#mask] ?? NONE;
    while (found !== NONE && !this.#isSame(found, of, at)) found = this.#next[found] ?? NONE;
    return found;
  }

  /** Finds and takes it out, so that long chains of equal ones are never walked along. */
  take(of: Evidence, at: number): number {
    const slot = of.hash(at, this.#exact) & this.#mask;
    let before = NONE;
    let found = this.#heads[slot] ?? NONE;
    while (found !== NONE && !this.#isSame(found, of, at)) {
      before = found;
      found = this.#next[found] ?? NONE;
    }
    if (found === NONE) return NONE;
    if (before === NONE) this.#heads[slot] = this.#next[found] ?? NONE;
    else this.#next[before] = this.#next[found] ?? NONE;
    return found;
  }

  #isSame(mine: number, of: Evidence, at: number): boolean {
    return this.#evidence.hasKeyOf(mine, of, at) && (!this.#exact || this.#evidence.hasDetailOf(mine, of, at));
  }
}
