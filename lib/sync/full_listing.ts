// Compares the flags of every message with those of its copy, slice by slice, and stores what reconcile.ts asks for: for a
// mailbox whose server has lost track of its changes or was caught wrong, and now and then for every mailbox. Removes
// nothing, copies nothing: what is gone and what is new the observations say, and the ordinary plan carries it out.

import type { MailboxSession } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, UidSet } from "../protocol/mod.ts";
import type { Cursors, Store } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { execute, type Executed } from "./execute.ts";
import { readSightings } from "./flag_listing.ts";
import { type Observation, otherSide, type Pair, type Side, type SidePlan, uidOf } from "./model.ts";
import { noteText } from "./notes.ts";
import type { SideOutcome } from "./outcome.ts";
import { reconcile, type SideListing, type Sighting } from "./reconcile.ts";

/** Pairs that are compared at a time. */
const SLICE_PAIRS = 1000;

export interface ComparisonContext {
  /** Both have the mailbox selected, as it was observed. */
  readonly sessions: BothSides<MailboxSession>;
  readonly store: Store;
  readonly idx: number;
  readonly observed: BothSides<Observation>;
  readonly logs: BothSides<Logger>;
  /** Without context. */
  readonly log: Logger;
  /** The name as the user knows it. */
  readonly mailbox: string;
  /** Told what was stored, and which flags the copies had before. */
  readonly stored: (
    plans: BothSides<SidePlan>,
    executed: BothSides<Executed>,
    before: (side: Side, pair: Pair) => FlagSet | null,
  ) => void;
}

/** Where only one side's mod-sequence proves a change, that side wins; else both copies get the union. */
export async function compareFlags(context: ComparisonContext): Promise<BothSides<SideOutcome>> {
  const { store, idx, observed } = context;
  const cursors = store.cursors(idx);
  const outcome = { local: { ...UNTOUCHED }, remote: { ...UNTOUCHED } };
  if (cursors === null) return outcome;
  const alive = store.pairedUids(idx, "local", 1).subtract(observed.local.vanished);
  for (const uids of alive.slices(SLICE_PAIRS)) {
    const pairs = store.pairsTouching(idx, "local", uids)
      .filter(({ remoteUid }) => !observed.remote.vanished.has(remoteUid));
    if (pairs.length > 0) await compareSlice(pairs, cursors, context, outcome);
  }
  return outcome;
}

type Draft = { -readonly [Key in keyof SideOutcome]: SideOutcome[Key] };

const UNTOUCHED: SideOutcome = { touched: false, propagated: true, failed: false };

async function compareSlice(
  pairs: readonly Pair[],
  cursors: Cursors,
  context: ComparisonContext,
  outcome: BothSides<Draft>,
): Promise<void> {
  const { sessions, observed, logs, log, mailbox } = context;
  const seen = await onBothSides((side) =>
    readSightings(sessions[side], UidSet.of(pairs.map((pair) => uidOf(pair, side))), cursors[side].highestModSeq)
  );
  const { stores, doubtful, notes } = reconcile(pairs, {
    local: listingOf(observed.local, seen.local),
    remote: listingOf(observed.remote, seen.remote),
  });
  for (const note of notes) if (note.kind === "conflict") log.warn(noteText(note, mailbox).text);
  const plans = {
    local: { expunge: [], stores: stores.local },
    remote: { expunge: [], stores: stores.remote },
  };
  const executed = await onBothSides((side) =>
    execute(plans[side], {
      session: sessions[side],
      side,
      log: logs[side],
      unchangedSince: observed[side].highestModSeq,
      permanentFlags: observed[side].permanentFlags,
      readOnly: observed[side].readOnly,
    })
  );
  context.stored(plans, executed, (side, pair) => seen[side].get(uidOf(pair, side))?.flags ?? null);
  for (const side of SIDES) {
    const mine = outcome[side];
    const other = executed[otherSide(side)];
    mine.touched ||= stores[side].length > 0;
    mine.failed ||= other.failed;
    mine.propagated &&= !other.retry && !other.failed && doubtful.length === 0;
  }
}

function listingOf(observation: Observation, seen: ReadonlyMap<number, Sighting>): SideListing {
  const { vanished, permanentFlags } = observation;
  // What is not gone is there, shown or not.
  return { seen, found: { has: (uid) => !vanished.has(uid) }, vanished, permanentFlags };
}
