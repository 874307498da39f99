// What an interrupted run left in flight: looks for the copies that its append intents announce, pairs those that are
// there, and settles the intents. What is not there will be copied again (design A16). Needs no source message. A server
// may still be executing a command of the dead connection: hence the second look, and a third at what arrives later.

import { type Clock, wait } from "../base/clock.ts";
import type { Digest } from "../base/digest.ts";
import type { MailboxSession } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { MAX_UID, UidSet } from "../protocol/mod.ts";
import type { AppendIntent, StateChange, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { readCandidates } from "./candidates.ts";
import { type Observation, otherSide, type Pair, type Side, uidOf } from "./model.ts";
import { matchIntents } from "./recover.ts";

/** Between the first look and the second. */
const LOOK_AGAIN_MS = 1000;

export interface RecoveryContext {
  readonly sessions: BothSides<MailboxSession>;
  /** The name on each server. */
  readonly names: BothSides<string>;
  readonly store: Store;
  readonly idx: number;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Resolves the intents of one mailbox. Fulfilled with those of which a message was not found: it will be sent again. */
export async function recoverIntents(context: RecoveryContext): Promise<readonly AppendIntent[]> {
  const { store, idx } = context;
  const intents = store.intents(idx);
  const unfound: AppendIntent[] = [];
  for (const target of SIDES) {
    const mine = intents.filter((intent) => intent.target === target);
    if (mine.length > 0) unfound.push(...await recoverTarget(mine, target, context));
  }
  return unfound;
}

async function recoverTarget(
  intents: readonly AppendIntent[],
  target: Side,
  context: RecoveryContext,
): Promise<readonly AppendIntent[]> {
  const { store, idx, sessions, names, clock } = context;
  const session = sessions[target];
  const source = otherSide(target);
  const selected = await session.select(names[target], null, () => false);
  // In a mailbox that was made anew there is nothing of ours.
  const valid = intents.filter((intent) =>
    intent.targetUidValidity === selected.uidValidity &&
    intent.sourceUidValidity === store.cursors(idx)?.[source].uidValidity
  );
  let pairs = await lookFor(valid, target, context);
  if (unmatched(valid, pairs, source, context).length > 0) {
    await wait(LOOK_AGAIN_MS, clock);
    pairs = await lookFor(valid, target, context);
  }
  const changes: StateChange[] = intents.map(({ id }) => ({ kind: "settle", id }));
  record(pairs, source, changes, context);
  context.log.debug(`${names[target]}: found ${pairs.length} copies of an interrupted run`);
  return unmatched(valid, [], source, context);
}

/** Pairs for messages of the selected mailbox that no pair knows. */
async function lookFor(intents: readonly AppendIntent[], target: Side, context: RecoveryContext): Promise<Pair[]> {
  if (intents.length === 0) return [];
  const { store, idx, sessions, digest } = context;
  const from = Math.max(1, Math.min(...intents.map((intent) => intent.targetUidNext)));
  const present = await sessions[target].search(UidSet.range(from, MAX_UID));
  const unknown = present.subtract(store.pairedUids(idx, target, 1));
  if (unknown.isEmpty) return [];
  const candidates = await readCandidates(sessions[target], unknown, digest);
  return matchIntents(intents, candidates, store.pairedUids(idx, otherSide(target), 1), target).pairs;
}

/** Those of which a message has no pair, in the state or among `pairs`. */
function unmatched(
  intents: readonly AppendIntent[],
  pairs: readonly Pair[],
  source: Side,
  { store, idx }: RecoveryContext,
): readonly AppendIntent[] {
  const paired = store.pairedUids(idx, source, 1).union(UidSet.of(pairs.map((pair) => uidOf(pair, source))));
  return intents.filter(({ messages }) => messages.some(({ sourceUid }) => !paired.has(sourceUid)));
}

function record(
  pairs: readonly Pair[],
  source: Side,
  changes: readonly StateChange[],
  { store, idx }: RecoveryContext,
): void {
  // An earlier run may have left them behind, and the interrupted one have tried them again.
  const found = UidSet.of(pairs.map((pair) => uidOf(pair, source)));
  store.apply([{ kind: "pair", idx, pairs }, { kind: "forget-unmapped", idx, side: source, uids: found }, ...changes]);
}

/**
 * Looks among the messages that have arrived for copies that were made after all. One whose original waits to be sent
 * again is paired with it; true: there were some, and what was observed is out of date. One whose original was sent again
 * is told, and left: it is new mail like any other. The mailboxes are selected.
 */
export async function claimLateCopies(
  unfound: readonly AppendIntent[],
  observed: BothSides<Observation>,
  context: RecoveryContext,
): Promise<boolean> {
  const { store, idx, sessions, names, digest, log } = context;
  let claimed = false;
  for (const target of SIDES) {
    const source = otherSide(target);
    const { arrived } = observed[target];
    const intents = unfound.filter((intent) => intent.target === target);
    if (intents.length === 0 || arrived.isEmpty) continue;
    const candidates = await readCandidates(sessions[target], arrived, digest);
    const alike = matchIntents(intents, candidates, UidSet.empty, target).pairs;
    const sent = store.pairedUids(idx, source, 1);
    const late = alike.filter((pair) => !sent.has(uidOf(pair, source)));
    if (late.length > 0) record(late, source, [], context);
    claimed ||= late.length > 0;
    for (const pair of alike.filter((one) => sent.has(uidOf(one, source)))) {
      log.with({ component: target, mailbox: names[target] }).warn(
        `UID ${uidOf(pair, target)} is one more copy of ${source} UID ${
          uidOf(pair, source)
        }: the server has executed a ` +
          "command of a broken connection after all. Nothing is deleted; it is treated as new mail.",
      );
    }
  }
  return claimed;
}
