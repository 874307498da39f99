// The flags that only one copy can have: where a mailbox keeps but some flags (PERMANENTFLAGS, RFC 9051 7.1), a change of
// its copy says nothing of the others, and must not take them from the better copy. Reads what that copy has, and only
// where it is needed; what is done with it plan.ts decides. In a full comparison reconcile.ts sees both copies' flags.

import type { MailboxSession } from "../client/mod.ts";
import { type FlagSet, keepsEveryFlag, UidSet, unkeptFlags } from "../protocol/mod.ts";
import { type BothSides, onBothSides } from "./both_sides.ts";
import { type Observation, otherSide, type Pair, uidOf } from "./model.ts";

/** Messages asked for at a time. */
const SLICE_MESSAGES = 1000;

/**
 * By UID, what the copies on each side have that the other side's mailbox does not keep: for `pairs` whose other copy
 * changed. Asks nothing where the other side keeps every flag.
 */
export async function heldFlags(
  sessions: BothSides<MailboxSession>,
  observed: BothSides<Observation>,
  pairs: readonly Pair[],
): Promise<BothSides<ReadonlyMap<number, FlagSet>>> {
  return await onBothSides(async (side) => {
    const held = new Map<number, FlagSet>();
    const other = otherSide(side);
    const { modified, permanentFlags } = observed[other];
    if (modified.size === 0 || keepsEveryFlag(permanentFlags)) return held;
    const asked = pairs.filter((pair) =>
      modified.has(uidOf(pair, other)) && !observed[side].modified.has(uidOf(pair, side))
    );
    for (const slice of UidSet.of(asked.map((pair) => uidOf(pair, side))).slices(SLICE_MESSAGES)) {
      await sessions[side].fetch(slice, "(UID FLAGS)", {
        message: ({ uid, flags }) => {
          const unkept = uid === null || flags === null ? null : unkeptFlags(flags, permanentFlags);
          if (uid !== null && unkept !== null && unkept.flags.length > 0) held.set(uid, unkept);
        },
      });
    }
    return held;
  });
}
