// What became of one side's news in one pass, and what of it may be forgotten: the new cursors (design B 2.8, A14). Pure;
// does not know how anything was looked at or carried out.

import type { UidSet } from "../protocol/uid_set.ts";
import type { Cursors, Side, StateChange } from "../state/types.ts";
import type { BothSides, Observation } from "./model.ts";

export interface SideOutcome {
  /** We changed messages of this side: it has to be looked at again to learn its mod-sequence. */
  readonly touched: boolean;
  /** Its removals and flags are on the other side. If not, they have to meet what changes there meanwhile. */
  readonly propagated: boolean;
  /** Something stayed undone, and was said. */
  readonly failed: boolean;
}

/** What became of each side, the comparison of all messages included; null: there was none. */
export function withCompared(
  done: BothSides<SideOutcome>,
  compared: BothSides<SideOutcome> | null,
): BothSides<SideOutcome> {
  if (compared === null) return done;
  const merged = (side: Side): SideOutcome => ({
    touched: done[side].touched || compared[side].touched,
    propagated: done[side].propagated && compared[side].propagated,
    failed: done[side].failed || compared[side].failed,
  });
  return { local: merged("local"), remote: merged("remote") };
}

export interface PassResult {
  readonly idx: number;
  /** The sides that were observed in this pass. */
  readonly looked: readonly Side[];
  readonly observed: BothSides<Observation>;
  readonly done: BothSides<SideOutcome>;
  /** Deletions wait that this side's news asked for. */
  readonly waits: (side: Side) => boolean;
  /** Messages of each side that could not be copied. */
  readonly uncopied: BothSides<UidSet>;
}

/**
 * The new cursors: what was observed on a side, when all of it is now on the other. Only a value received in a
 * selection after everything up to it was seen; our own changes are seen by the next pass.
 */
export function newCursors(before: Cursors | null, result: PassResult): readonly StateChange[] {
  const { idx, looked, observed, done, waits } = result;
  const changes: StateChange[] = [];
  for (const side of looked) {
    const { uidValidity, highestModSeq } = observed[side];
    const propagated = done[side].propagated && !waits(side);
    const uncopied = result.uncopied[side];
    const uidNext = uncopied.isEmpty ? observed[side].uidNext : Math.min(observed[side].uidNext, uncopied.first);
    const old = before?.[side];
    const cursor = {
      uidValidity,
      uidNext,
      highestModSeq: propagated ? highestModSeq : old?.highestModSeq ?? 0n,
    };
    if (old?.uidNext === cursor.uidNext && old.highestModSeq === cursor.highestModSeq) continue;
    changes.push({ kind: "cursor", idx, side, cursor });
  }
  return changes;
}
