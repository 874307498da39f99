// Decides what has to be done to the messages of one mailbox after both sides were observed: what is expunged, which
// flags are stored, which pairs are forgotten, what is copied (the original's known-message pass, with its union rule).
// A pure function: it does not know how a server is asked, in which order things are done, or what they are called.

import { unionFlags } from "../protocol/flags.ts";
import type { FlagSet } from "../protocol/types.ts";
import { UidSetBuilder } from "../protocol/uid_set.ts";
import { uidOf } from "./model.ts";
import type { Note, Observation, Pair, Plan, PlanInput, Side, SidePlan, StoreGroup } from "./model.ts";

/**
 * What brings both sides together. Takes time in proportion to the pairs and the modified messages, whatever the
 * vanished ranges; the answer depends on the values of `input` alone, not on their order. `forget` and the conflicts
 * among the notes ascend by local UID. Notes: unmatched vanished (local, remote), conflicts, unmatched modified (local,
 * remote).
 */
export function plan(input: PlanInput): Plan {
  const pairs = distinctPairs(input.pairs);
  const local = new SideDraft("local");
  const remote = new SideDraft("remote");
  const forget: Pair[] = [];
  const conflicts: Note[] = [];
  for (const pair of pairs) {
    const localGone = input.local.vanished.has(pair.localUid);
    const remoteGone = input.remote.vanished.has(pair.remoteUid);
    if (localGone && remoteGone) forget.push(pair);
    else if (localGone) remote.expunge.push(pair);
    else if (remoteGone) local.expunge.push(pair);
    else planFlags(pair, input, local, remote, conflicts);
  }
  const notes = [
    ...unmatchedVanished("local", input.local, pairs),
    ...unmatchedVanished("remote", input.remote, pairs),
    ...conflicts,
    ...unmatchedModified("local", input.local, pairs),
    ...unmatchedModified("remote", input.remote, pairs),
  ];
  return {
    local: local.finish(),
    remote: remote.finish(),
    forget,
    pull: input.remote.arrived,
    push: input.local.arrived,
    notes,
  };
}

/** The plan of one side while it is being made. */
class SideDraft {
  readonly expunge: Pair[] = [];
  readonly #side: Side;
  readonly #stores = new Map<string, { readonly flags: FlagSet; readonly pairs: Pair[] }>();

  constructor(side: Side) {
    this.#side = side;
  }

  store(pair: Pair, flags: FlagSet): void {
    const group = this.#stores.get(flags.key);
    if (group === undefined) this.#stores.set(flags.key, { flags, pairs: [pair] });
    else group.pairs.push(pair);
  }

  finish(): SidePlan {
    const stores: StoreGroup[] = [...this.#stores.values()];
    stores.sort((a, b) => a.flags.key < b.flags.key ? -1 : 1);
    return {
      expunge: this.#ascending(this.expunge),
      stores: stores.map((group) => ({ flags: group.flags, pairs: this.#ascending(group.pairs) })),
    };
  }

  #ascending(pairs: readonly Pair[]): readonly Pair[] {
    return pairs.toSorted((a, b) => uidOf(a, this.#side) - uidOf(b, this.#side));
  }
}

/** Ascending by local UID, each once: a pair is asked for by its local and by its remote UID, and so may come twice. */
function distinctPairs(pairs: readonly Pair[]): readonly Pair[] {
  const sorted = pairs.toSorted((a, b) => a.localUid - b.localUid);
  return sorted.filter((pair, i) => pair.localUid !== sorted[i - 1]?.localUid);
}

/**
 * One side changed: the other side follows, but for flags that the first has no room for. Both changed, and differently:
 * the union on both, for it is better to show a flag that was taken away than to lose one that was set.
 */
function planFlags(pair: Pair, input: PlanInput, local: SideDraft, remote: SideDraft, conflicts: Note[]): void {
  const localNow = input.local.modified.get(pair.localUid) ?? null;
  const remoteNow = input.remote.modified.get(pair.remoteUid) ?? null;
  if (localNow === null && remoteNow === null) return;
  const agreed = input.agreed.get(pair.localUid);
  const localChange = changeSince(agreed, localNow);
  const remoteChange = changeSince(agreed, remoteNow);
  if (localChange === null) {
    if (remoteChange !== null) local.store(pair, withHeld(remoteChange, input.held?.local.get(pair.localUid)));
  } else if (remoteChange === null) {
    remote.store(pair, withHeld(localChange, input.held?.remote.get(pair.remoteUid)));
  } else if (localChange.key !== remoteChange.key) {
    const union = unionFlags(localChange, remoteChange);
    if (union.key !== localChange.key) local.store(pair, union);
    if (union.key !== remoteChange.key) remote.store(pair, union);
    conflicts.push({ kind: "conflict", pair, local: localChange, remote: remoteChange, union });
  }
}

/** What the other copy gets: it does not lose what the changed one has no room for. */
function withHeld(change: FlagSet, held: FlagSet | undefined): FlagSet {
  return held === undefined ? change : unionFlags(change, held);
}

/** The flags that a side was changed to; null when they are the agreed ones: an echo of what was stored or appended. */
function changeSince(agreed: FlagSet | null, now: FlagSet | null): FlagSet | null {
  return now === null || now.key === agreed?.key ? null : now;
}

function unmatchedVanished(side: Side, observation: Observation, pairs: readonly Pair[]): Note[] {
  if (observation.vanished.isEmpty) return [];
  const matched = new UidSetBuilder();
  for (const pair of pairs) matched.add(uidOf(pair, side));
  const uids = observation.vanished.subtract(matched.build());
  return uids.isEmpty ? [] : [{ kind: "unmatched-vanished", side, uids }];
}

function unmatchedModified(side: Side, observation: Observation, pairs: readonly Pair[]): Note[] {
  if (observation.modified.size === 0) return [];
  const matched = new Set<number>();
  for (const pair of pairs) matched.add(uidOf(pair, side));
  const uids: number[] = [];
  for (const uid of observation.modified.keys()) {
    if (!matched.has(uid) && !observation.vanished.has(uid)) uids.push(uid);
  }
  uids.sort((a, b) => a - b);
  return uids.map((uid) => ({ kind: "unmatched-modified", side, uid }));
}
