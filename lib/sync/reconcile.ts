// What two full listings of one mailbox ask for when they are compared with the pairs: the table of the original's --repair,
// slice by slice, so that memory is bounded by the slice. Decides nothing about changes that a server reported by itself
// (RFC 7162 3.2.5): removals are left to the ordinary run that follows, which proves them before anything is expunged.

import { type FlagSet, makeFlagSet, unionFlags, unkeptFlags } from "../protocol/mod.ts";
import type { BothSides, Note, Pair, Side, StoreGroup } from "./model.ts";

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
  /** The flags that the mailbox keeps; null: the server did not say. */
  readonly permanentFlags: readonly string[] | null;
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
  /** Pairs with a message that is there and was not shown. */
  readonly doubtful: readonly Pair[];
  readonly notes: readonly RepairNote[];
}

type Presence = "here" | "vanished" | "disappeared" | "doubtful";

/** The repairs for `pairs`; notes and lists are in their order, the stores ascend by flag key. */
export function reconcile(pairs: readonly Pair[], listings: BothSides<SideListing>): Repairs {
  const stores = { local: new Map<string, StoreDraft>(), remote: new Map<string, StoreDraft>() };
  const forget: Pair[] = [];
  const lost: Record<Side, Pair[]> = { local: [], remote: [] };
  const doubtful: Pair[] = [];
  const notes: RepairNote[] = [];
  for (const pair of pairs) {
    const local = presence(pair.localUid, listings.local);
    const remote = presence(pair.remoteUid, listings.remote);
    if (local === "doubtful" || remote === "doubtful") {
      doubtful.push(pair);
    } else if (local === "here" && remote === "here") {
      reconcileFlags(pair, listings, stores, notes);
    } else if (local === "here" || remote === "here") {
      if (local === "disappeared") lost.local.push(pair);
      if (remote === "disappeared") lost.remote.push(pair);
    } else if (local === "disappeared" || remote === "disappeared") {
      forget.push(pair);
      notes.push({ kind: "pair-vanished", pair });
    }
  }
  return { stores: { local: grouped(stores.local), remote: grouped(stores.remote) }, forget, lost, doubtful, notes };
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

/**
 * The older side follows, but for flags that the newer one has no room for; when none is older, both get the union.
 */
function reconcileFlags(
  pair: Pair,
  listings: BothSides<SideListing>,
  stores: BothSides<Map<string, StoreDraft>>,
  notes: RepairNote[],
): void {
  const local = listings.local.seen.get(pair.localUid);
  const remote = listings.remote.seen.get(pair.remoteUid);
  if (local === undefined || remote === undefined) return;
  const permanent = { local: listings.local.permanentFlags, remote: listings.remote.permanentFlags };
  if (isAsEqualAsCanBe(local.flags, remote.flags, permanent)) return;
  if (local.changed !== remote.changed) {
    const [source, target] = local.changed ? [local.flags, remote.flags] : [remote.flags, local.flags];
    const wanted = unionFlags(source, unkeptFlags(target, local.changed ? permanent.local : permanent.remote));
    if (wanted.key !== target.key) addStore(local.changed ? stores.remote : stores.local, wanted, pair);
    return;
  }
  const union = unionFlags(local.flags, remote.flags);
  if (!local.changed) notes.push({ kind: "missed", pair });
  notes.push({ kind: "conflict", pair, local: local.flags, remote: remote.flags, union });
  if (local.flags.key !== union.key) addStore(stores.local, union, pair);
  if (remote.flags.key !== union.key) addStore(stores.remote, union, pair);
}

/** Keywords that the other mailbox does not keep make no difference. */
function isAsEqualAsCanBe(local: FlagSet, remote: FlagSet, permanent: BothSides<readonly string[] | null>): boolean {
  if (local.key === remote.key) return true;
  const here = keywordsOf(unkeptFlags(local, permanent.remote));
  const there = keywordsOf(unkeptFlags(remote, permanent.local));
  return unionFlags(local, there).key === unionFlags(remote, here).key;
}

function keywordsOf({ flags }: FlagSet): FlagSet {
  return makeFlagSet(flags.filter((flag) => !flag.startsWith("\\")));
}

function addStore(stores: Map<string, StoreDraft>, flags: FlagSet, pair: Pair): void {
  const draft = stores.get(flags.key);
  if (draft === undefined) stores.set(flags.key, { flags, pairs: [pair] });
  else draft.pairs.push(pair);
}

function grouped(stores: ReadonlyMap<string, StoreDraft>): readonly StoreGroup[] {
  return [...stores.values()].sort((a, b) => a.flags.key < b.flags.key ? -1 : 1);
}
