// What two full listings of one mailbox ask for when --repair compares them with the pairs: the table of the original,
// slice by slice, so that memory is bounded by the slice. Decides nothing about changes that a server reported by itself
// (RFC 7162 3.2.5): removals are left to the ordinary run that follows, which proves them before anything is expunged.

import { type FlagSet, unionFlags } from "../protocol/mod.ts";
import type { Note, Pair, Side, StoreGroup } from "./model.ts";
import { type Candidate, likeness } from "./recover.ts";

/** A value for each of the two servers. */
type BothSides<T> = Readonly<Record<Side, T>>;

/** A message that exists, as FETCH showed it. */
export interface Sighting {
  readonly flags: FlagSet;
  /** Its mod-sequence is above the cursor's: a change that the other side may not have. */
  readonly changed: boolean;
}

/** What is known of one side's messages of a slice. */
export interface SideListing {
  /** Those that FETCH answered for. */
  readonly seen: ReadonlyMap<number, Sighting>;
  /** All UIDs that UID SEARCH found: one that FETCH left out is in doubt, and is left alone. */
  readonly found: UidMembers;
  /** Reported as VANISHED when the mailbox was selected. */
  readonly vanished: UidMembers;
}

interface UidMembers {
  has(uid: number): boolean;
}

/** What the user is told. */
export type RepairNote =
  | Extract<Note, { kind: "conflict" }>
  /** Flags differ although no server counts them as changed. */
  | { readonly kind: "missed"; readonly pair: Pair }
  | { readonly kind: "pair-vanished"; readonly pair: Pair };

export interface Repairs {
  readonly stores: BothSides<readonly StoreGroup[]>;
  /** Pairs of which both copies are gone, and not both were reported. */
  readonly forget: readonly Pair[];
  /** By the side whose copy disappeared without a word: the other copy is to be copied again. */
  readonly lost: BothSides<readonly Pair[]>;
  readonly notes: readonly RepairNote[];
}

type Presence = "here" | "vanished" | "disappeared" | "doubtful";

/** The repairs for `pairs`; notes and lists are in their order, the stores ascend by flag key. */
export function reconcile(pairs: readonly Pair[], listings: BothSides<SideListing>): Repairs {
  const stores = { local: new Map<string, StoreDraft>(), remote: new Map<string, StoreDraft>() };
  const forget: Pair[] = [];
  const lost: Record<Side, Pair[]> = { local: [], remote: [] };
  const notes: RepairNote[] = [];
  for (const pair of pairs) {
    const local = presence(pair.localUid, listings.local);
    const remote = presence(pair.remoteUid, listings.remote);
    if (local === "doubtful" || remote === "doubtful") continue;
    if (local === "here" && remote === "here") {
      reconcileFlags(pair, listings, stores, notes);
    } else if (local === "here" || remote === "here") {
      if (local === "disappeared") lost.local.push(pair);
      if (remote === "disappeared") lost.remote.push(pair);
    } else if (local === "disappeared" || remote === "disappeared") {
      forget.push(pair);
      notes.push({ kind: "pair-vanished", pair });
    }
  }
  return { stores: { local: grouped(stores.local), remote: grouped(stores.remote) }, forget, lost, notes };
}

function presence(uid: number, listing: SideListing): Presence {
  if (listing.seen.has(uid)) return "here";
  if (listing.found.has(uid)) return "doubtful";
  return listing.vanished.has(uid) ? "vanished" : "disappeared";
}

interface StoreDraft {
  readonly flags: FlagSet;
  readonly pairs: Pair[];
}

/** The older side follows; when none is older, both get the union. */
function reconcileFlags(
  pair: Pair,
  listings: BothSides<SideListing>,
  stores: BothSides<Map<string, StoreDraft>>,
  notes: RepairNote[],
): void {
  const local = listings.local.seen.get(pair.localUid);
  const remote = listings.remote.seen.get(pair.remoteUid);
  if (local === undefined || remote === undefined || local.flags.key === remote.flags.key) return;
  if (local.changed !== remote.changed) {
    const [source, target] = local.changed ? [local, stores.remote] : [remote, stores.local];
    addStore(target, source.flags, pair);
    return;
  }
  const union = unionFlags(local.flags, remote.flags);
  if (!local.changed) notes.push({ kind: "missed", pair });
  notes.push({ kind: "conflict", pair, local: local.flags, remote: remote.flags, union });
  if (local.flags.key !== union.key) addStore(stores.local, union, pair);
  if (remote.flags.key !== union.key) addStore(stores.remote, union, pair);
}

function addStore(stores: Map<string, StoreDraft>, flags: FlagSet, pair: Pair): void {
  const draft = stores.get(flags.key);
  if (draft === undefined) stores.set(flags.key, { flags, pairs: [pair] });
  else draft.pairs.push(pair);
}

function grouped(stores: ReadonlyMap<string, StoreDraft>): readonly StoreGroup[] {
  return [...stores.values()].sort((a, b) => a.flags.key < b.flags.key ? -1 : 1);
}

/**
 * Messages of both sides that no pair knows and that are the same: same size, same INTERNALDATE, same identifying
 * fields. Equal ones pair in ascending order, whichever is which. The original copies them instead, and makes
 * duplicates.
 */
export function matchUnpaired(messages: BothSides<readonly Candidate[]>): readonly Pair[] {
  const waiting = new Map<string, number[]>();
  for (const candidate of ascending(messages.local)) {
    const key = likeness(candidate);
    const uids = waiting.get(key);
    if (uids === undefined) waiting.set(key, [candidate.uid]);
    else uids.push(candidate.uid);
  }
  const pairs: Pair[] = [];
  for (const candidate of ascending(messages.remote)) {
    const localUid = waiting.get(likeness(candidate))?.shift();
    if (localUid !== undefined) pairs.push({ localUid, remoteUid: candidate.uid });
  }
  return pairs;
}

function ascending(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => a.uid - b.uid);
}
