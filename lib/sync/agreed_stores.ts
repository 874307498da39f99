// After flags were stored: which of them both copies of a pair are known to have now, so that their echo is not taken for
// a change. Decides nothing about which flags to store.

import type { FlagSet } from "../protocol/mod.ts";
import type { AgreementLog } from "./agreements.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import type { Executed } from "./execute.ts";
import { type Pair, type Side, type SidePlan, uidOf } from "./model.ts";

/** How far the flags planned for a pair have got. */
interface Agreement {
  readonly pair: Pair;
  /** Sides on which a store was planned, and what those that confirmed have kept. */
  planned: number;
  readonly kept: Partial<Record<Side, FlagSet>>;
}

/**
 * Both copies are known to agree only when everything planned for them was confirmed: of a union that one side took and
 * the other refused, nothing is known. `before`: what a copy had for which nothing was planned.
 */
export function agreeOnStored(
  agreed: BothSides<AgreementLog>,
  planned: BothSides<Pick<SidePlan, "stores">>,
  executed: BothSides<Executed>,
  before: (side: Side, pair: Pair) => FlagSet | null,
): void {
  const agreements = new Map<number, Agreement>();
  for (const { pairs } of SIDES.flatMap((side) => planned[side].stores)) {
    for (const pair of pairs) {
      const agreement = agreements.get(pair.localUid) ?? { pair, planned: 0, kept: {} };
      agreement.planned++;
      agreements.set(pair.localUid, agreement);
    }
  }
  for (const side of SIDES) {
    for (const { kept, pairs } of executed[side].stored) {
      for (const { localUid } of pairs) {
        const agreement = agreements.get(localUid);
        if (agreement !== undefined) agreement.kept[side] = kept;
      }
    }
  }
  for (const { pair, planned, kept } of agreements.values()) {
    const confirmed = Object.keys(kept).length;
    for (const side of SIDES) {
      const flags = kept[side] ?? before(side, pair);
      if (confirmed === planned && flags !== null) agreed[side].set(uidOf(pair, side), flags);
      else if (confirmed > 0) agreed[side].delete(uidOf(pair, side));
    }
  }
}
