// Does to one side what a plan says, and reports what the server confirmed: OK is not done, FETCH and VANISHED are.
// Decides nothing about what should be done; writes nothing to the state file.

import type { Session } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, keptFlags, type ModSeq, UidSet } from "../protocol/mod.ts";
import { type Pair, type Side, type SidePlan, type StoreGroup, uidOf } from "./model.ts";

export interface ExecuteContext {
  /** The session in which the plan's observation was made: the mailbox is selected, its UIDVALIDITY proven. */
  readonly session: Session;
  readonly side: Side;
  readonly log: Logger;
  /** Everything up to this was observed; a message that changed later is not overwritten. */
  readonly unchangedSince: ModSeq;
  /** The flags that the mailbox keeps: others stay where they are. */
  readonly permanentFlags: readonly string[] | null;
}

export interface Executed {
  /** Messages that are known to have had these flags on this side. */
  readonly stored: readonly StoredGroup[];
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

/** What became of a group: `kept` are the flags that this side has now, of those that were wanted. */
export interface StoredGroup extends StoreGroup {
  readonly kept: FlagSet;
}

interface StoreOutcome {
  readonly stored: StoredGroup;
  readonly retry: boolean;
  readonly failed: boolean;
}

async function store(group: StoreGroup, context: ExecuteContext): Promise<StoreOutcome> {
  const { session, side, log, permanentFlags } = context;
  const flags = keptFlags(group.flags, null);
  const kept = keptFlags(flags, permanentFlags);
  const uids = UidSet.of(group.pairs.map((pair) => uidOf(pair, side)));
  const { reported, refused } = await session.store(uids, flags, context.unchangedSince);
  // A mailbox that keeps only some flags reports a change without saying what it left out.
  const certain = kept === flags ? reported : UidSet.empty;
  const enough = new Set([flags.key, ...(losesKeywordsOnly(flags, kept) ? [kept.key] : [])]);
  const { equal, different } = await verify(session, uids.subtract(certain).subtract(refused), enough);
  const done = certain.union(equal);
  if (!reported.isEmpty) log.info(`Updated flags (${flags.key}) for UID ${reported}`);
  if (!refused.isEmpty) log.info(`Couldn't update flags (${flags.key}) for UID ${refused}, will try again later`);
  if (!different.isEmpty) log.warn(`The server did not store flags (${flags.key}) for UID ${different}`);
  const pairs = group.pairs.filter((pair) => done.has(uidOf(pair, side)));
  return { stored: { flags: group.flags, kept, pairs }, retry: !refused.isEmpty, failed: !different.isEmpty };
}

/** A keyword that a mailbox cannot hold stays where it is; a system flag that it does not take is a refusal. */
function losesKeywordsOnly(flags: FlagSet, kept: FlagSet): boolean {
  return flags.flags.every((flag) => kept.flags.includes(flag) || !flag.startsWith("\\"));
}

/** Messages for which the server reported nothing, or not enough: those that have one of the sets of flags, and others. */
async function verify(
  session: Session,
  uids: UidSet,
  enough: ReadonlySet<string>,
): Promise<{ equal: UidSet; different: UidSet }> {
  const equal: number[] = [];
  const different: number[] = [];
  if (!uids.isEmpty) {
    await session.fetch(uids, "(UID FLAGS)", {
      message: (items) => {
        if (items.uid === null || items.flags === null) return;
        (enough.has(items.flags.key) ? equal : different).push(items.uid);
      },
    });
  }
  return { equal: UidSet.of(equal), different: UidSet.of(different) };
}
