// Does to one side what a plan says, and reports what the server confirmed: OK is not done, FETCH and VANISHED are.
// Decides nothing about what should be done; writes nothing to the state file.

import type { Session } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, isSendableFlag, makeFlagSet, type ModSeq, UidSet } from "../protocol/mod.ts";
import { type Pair, type Side, type SidePlan, type StoreGroup, uidOf } from "./model.ts";

export interface ExecuteContext {
  /** The session in which the plan's observation was made: the mailbox is selected, its UIDVALIDITY proven. */
  readonly session: Session;
  readonly side: Side;
  readonly log: Logger;
  /** Everything up to this was observed; a message that changed later is not overwritten. */
  readonly unchangedSince: ModSeq;
}

export interface Executed {
  /** Messages that are known to have had these flags on this side. */
  readonly stored: readonly StoreGroup[];
  /** Pairs whose copy on this side is gone for certain. */
  readonly removed: readonly Pair[];
  /** Stores that were refused because the message changed meanwhile: to be observed again. */
  readonly retry: boolean;
  /** Something was acknowledged and not done, or refused for good: the source's changes stay unpropagated. */
  readonly failed: boolean;
}

/** Everything in one flight: a message is in one step only, so the order of steps does not matter. */
export async function execute(plan: SidePlan, context: ExecuteContext): Promise<Executed> {
  const expunging = expunge(plan.expunge, context);
  const storing = plan.stores.map((group) => store(group, context));
  const [removed, ...stored] = await Promise.all([expunging, ...storing]);
  return {
    removed,
    stored: stored.map((outcome) => outcome.stored),
    retry: stored.some((outcome) => outcome.retry),
    failed: removed.length < plan.expunge.length || stored.some((outcome) => outcome.failed),
  };
}

/** The pairs whose message does not exist on this side any more. */
async function expunge(pairs: readonly Pair[], context: ExecuteContext): Promise<readonly Pair[]> {
  if (pairs.length === 0) return [];
  const { session, side, log } = context;
  const uids = UidSet.of(pairs.map((pair) => uidOf(pair, side)));
  const reported = await session.expunge(uids);
  if (!reported.isEmpty) log.info(`Removed ${reported.size} UID(s) ${reported}`);
  const unreported = uids.subtract(reported);
  // Somebody else may have expunged it; Dovecot 2.3.19 says OK and does nothing without the right to expunge.
  const kept = unreported.isEmpty ? unreported : await session.search(unreported);
  if (!kept.isEmpty) log.warn(`Couldn't UID EXPUNGE ${kept}`);
  return pairs.filter((pair) => !kept.has(uidOf(pair, side)));
}

interface StoreOutcome {
  readonly stored: StoreGroup;
  readonly retry: boolean;
  readonly failed: boolean;
}

async function store(group: StoreGroup, context: ExecuteContext): Promise<StoreOutcome> {
  const { session, side, log } = context;
  const flags = sendable(group.flags);
  const uids = UidSet.of(group.pairs.map((pair) => uidOf(pair, side)));
  const { reported, refused } = await session.store(uids, flags, context.unchangedSince);
  const silent = uids.subtract(reported).subtract(refused);
  const { equal, different } = await verify(session, silent, flags);
  const done = reported.union(equal);
  if (!reported.isEmpty) log.info(`Updated flags (${flags.key}) for UID ${reported}`);
  if (!refused.isEmpty) log.info(`Couldn't update flags (${flags.key}) for UID ${refused}, will try again later`);
  if (!different.isEmpty) log.warn(`The server did not store flags (${flags.key}) for UID ${different}`);
  const pairs = group.pairs.filter((pair) => done.has(uidOf(pair, side)));
  return { stored: { flags, pairs }, retry: !refused.isEmpty, failed: !different.isEmpty };
}

/** Messages for which the server reported nothing: those that have the flags already, and those that do not. */
async function verify(session: Session, uids: UidSet, flags: FlagSet): Promise<{ equal: UidSet; different: UidSet }> {
  const equal: number[] = [];
  const different: number[] = [];
  if (!uids.isEmpty) {
    await session.fetch(uids, "(UID FLAGS)", {
      message: (items) => {
        if (items.uid === null || items.flags === null) return;
        (items.flags.key === flags.key ? equal : different).push(items.uid);
      },
    });
  }
  return { equal: UidSet.of(equal), different: UidSet.of(different) };
}

/** A server may have flags that no client may send: they stay where they are. */
export function sendable(flags: FlagSet): FlagSet {
  return flags.flags.every(isSendableFlag) ? flags : makeFlagSet(flags.flags.filter(isSendableFlag));
}
