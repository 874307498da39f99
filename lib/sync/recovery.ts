// What an interrupted run left in flight: looks for the copies that its append intents announce, pairs those that are
// there, and settles the intents. What is not there will be copied again (design A16). Needs no source message.

import type { Digest } from "../base/digest.ts";
import type { Session } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { MAX_UID, UidSet } from "../protocol/mod.ts";
import type { AppendIntent, StateChange, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { readCandidates } from "./candidates.ts";
import { otherSide, type Side } from "./model.ts";
import { matchIntents } from "./recover.ts";

export interface RecoveryContext {
  readonly sessions: BothSides<Session>;
  /** The name on each server. */
  readonly names: BothSides<string>;
  readonly store: Store;
  readonly idx: number;
  readonly digest: Digest;
  readonly log: Logger;
}

/** Resolves the intents of one mailbox, if it has any. */
export async function recoverIntents(context: RecoveryContext): Promise<void> {
  const { store, idx } = context;
  const intents = store.intents(idx);
  if (intents.length === 0) return;
  for (const target of SIDES) {
    const mine = intents.filter((intent) => intent.target === target);
    if (mine.length > 0) await recoverTarget(mine, target, context);
  }
}

async function recoverTarget(intents: readonly AppendIntent[], target: Side, context: RecoveryContext): Promise<void> {
  const { store, idx, sessions, names } = context;
  const session = sessions[target];
  const from = Math.min(...intents.map((intent) => intent.targetUidNext));
  const range = UidSet.range(Math.max(from, 1), MAX_UID);
  const [selected, found] = await Promise.all([
    session.select(names[target], null, () => false),
    session.search(range),
  ]);
  // In a mailbox that was made anew there is nothing of ours.
  const valid = intents.filter((intent) => intent.targetUidValidity === selected.uidValidity);
  const unknown = found.subtract(store.pairedUids(idx, target, 1));
  const candidates = valid.length === 0 || unknown.isEmpty
    ? []
    : await readCandidates(session, unknown, context.digest);
  const sources = store.pairedUids(idx, otherSide(target), 1);
  const { pairs } = matchIntents(valid, candidates, sources, target);
  const changes: StateChange[] = intents.map(({ id }) => ({ kind: "settle", id }));
  store.apply([{ kind: "pair", idx, pairs }, ...changes]);
  context.log.debug(`${names[target]}: found ${pairs.length} copies of an interrupted run`);
}
