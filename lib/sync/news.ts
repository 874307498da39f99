// From what was observed on both sides to a plan: finds the pairs that it touches, asks a better copy for the flags that
// it alone can have, and tells the user what the plan leaves to him. What is to be done plan.ts decides.

import { UidSet } from "../protocol/mod.ts";
import type { Pair } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import type { MailboxRun } from "./mailbox_run.ts";
import type { Observation, Plan } from "./model.ts";
import { noteText } from "./notes.ts";
import { plan } from "./plan.ts";
import { heldFlags } from "./poor_copies.ts";

export interface NewsContext {
  /** Nothing was done to the mailbox in this run yet. */
  readonly first: boolean;
  /** Local UIDs whose flags are no conflict, for they have no common history. */
  readonly recognized: UidSet;
}

/** The plan for what was observed, told where it needs telling. */
export async function planNews(
  run: MailboxRun,
  observed: BothSides<Observation>,
  { first, recognized }: NewsContext,
): Promise<Plan> {
  const { sessions, log, names } = run.context;
  const { local, remote } = observed;
  const pairs = touchedPairs(run, observed);
  const held = await heldFlags(sessions, observed, pairs);
  const planned = plan({ local, remote, pairs, agreed: run.agreed.local, held });
  for (const note of planned.notes) {
    // What we expunged ourselves vanishes too.
    if (note.kind === "unmatched-vanished" && !first) continue;
    if (note.kind === "conflict" && recognized.has(note.pair.localUid)) continue;
    const { component, text } = noteText(note, names.local);
    (component === null ? log : run.logs[component]).warn(text);
  }
  return planned;
}

/** Every pair that an observation touches, once. */
function touchedPairs(run: MailboxRun, observed: BothSides<Observation>): readonly Pair[] {
  const { store, idx } = run.context;
  const found = new Map<number, Pair>();
  for (const side of SIDES) {
    const touched = observed[side].vanished.union(UidSet.of(observed[side].modified.keys()));
    for (const pair of store.pairsTouching(idx, side, touched)) found.set(pair.localUid, pair);
  }
  return [...found.values()];
}
