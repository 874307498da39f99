// Does to one side what a plan says, and reports what the server confirmed: OK is not done, FETCH and VANISHED are.
// Decides nothing about what should be done; writes nothing to the state file.

import type { MailboxSession } from "../client/mod.ts";
import { CommandError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, flagText, keptFlags, makeFlagSet, type ModSeq, UidSet } from "../protocol/mod.ts";
import { type Pair, type Side, type SidePlan, type StoreGroup, uidOf } from "./model.ts";
import { judge } from "./refusal.ts";

export interface ExecuteContext {
  /** The session in which the plan's observation was made: the mailbox is selected, its UIDVALIDITY proven. */
  readonly session: MailboxSession;
  readonly side: Side;
  readonly log: Logger;
  /** Everything up to this was observed; a message that changed later is not overwritten. */
  readonly unchangedSince: ModSeq;
  /** The flags that the mailbox keeps: others stay where they are. */
  readonly permanentFlags: readonly string[] | null;
  /** Nothing is sent that changes anything; what is as it should be counts as done. */
  readonly readOnly: boolean;
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
    stored: stored.flatMap((outcome) => outcome.stored),
    retry: stored.some((outcome) => outcome.retry),
    failed: removed.length < plan.expunge.length || stored.some((outcome) => outcome.failed),
  };
}

/** The pairs whose message does not exist on this side any more. */
async function expunge(pairs: readonly Pair[], context: ExecuteContext): Promise<readonly Pair[]> {
  if (pairs.length === 0) return [];
  const { session, side, log } = context;
  const uids = UidSet.of(pairs.map((pair) => uidOf(pair, side)));
  let reported = context.readOnly ? UidSet.empty : await session.expunge(uids);
  let kept = await remaining(session, uids.subtract(reported));
  if (!kept.isEmpty && !context.readOnly) {
    // Behind an APPEND or STORE of a keyword that the mailbox never had Dovecot 2.3.19 says OK to EXPUNGE and does nothing.
    reported = reported.union(await session.expunge(kept));
    kept = await remaining(session, kept.subtract(reported));
  }
  if (!reported.isEmpty) log.info(`Removed ${reported.size} UID(s) ${reported}`);
  const why = context.readOnly ? " (the mailbox may only be read)" : "";
  if (!kept.isEmpty) log.warn(`Couldn't UID EXPUNGE ${kept}${why}`);
  return pairs.filter((pair) => !kept.has(uidOf(pair, side)));
}

/** Somebody else may have expunged them; Dovecot 2.3.19 says OK and does nothing without the right to expunge. */
async function remaining(session: MailboxSession, unreported: UidSet): Promise<UidSet> {
  return unreported.isEmpty ? unreported : await session.search(unreported);
}

/** What became of a group: `kept` are the flags that this side has now, of those that were wanted. */
export interface StoredGroup extends StoreGroup {
  readonly kept: FlagSet;
}

interface StoreOutcome {
  readonly stored: readonly StoredGroup[];
  readonly retry: boolean;
  readonly failed: boolean;
}

async function store(group: StoreGroup, context: ExecuteContext): Promise<StoreOutcome> {
  try {
    return await storeFlags(group, keptFlags(group.flags, null), context);
  } catch (error) {
    if (!(error instanceof CommandError) || error.status === "BAD") throw error;
    const verdict = judge(error, group.flags.flags.some(isKeyword));
    if (verdict.scope === "gone") throw error;
    // The server does not say which of the keywords: those that a message has there already it keeps.
    if (verdict.scope === "keywords") {
      return await storeEach(
        group,
        context,
        (now) => makeFlagSet(group.flags.flags.filter((flag) => !isKeyword(flag) || now.flags.includes(flag))),
      );
    }
    const uids = UidSet.of(group.pairs.map((pair) => uidOf(pair, context.side)));
    const code = error.code === null ? "" : `[${error.code}] `;
    context.log.warn(`The server refused flags (${group.flags.key}) for UID ${uids}: ${code}${error.text}`);
    return { stored: [], retry: false, failed: true };
  }
}

/** Gives each message the flags that `wanted` makes of those that it has. */
async function storeEach(
  group: StoreGroup,
  context: ExecuteContext,
  wanted: (now: FlagSet) => FlagSet,
): Promise<StoreOutcome> {
  const { session, side } = context;
  const byUid = new Map(group.pairs.map((pair) => [uidOf(pair, side), pair]));
  const byKey = new Map<string, { readonly flags: FlagSet; readonly pairs: Pair[] }>();
  await session.fetch(UidSet.of(byUid.keys()), "(UID FLAGS)", {
    message: ({ uid, flags }) => {
      const pair = byUid.get(uid ?? 0);
      if (pair === undefined || flags === null) return;
      const its = wanted(flags);
      const same = byKey.get(its.key);
      if (same === undefined) byKey.set(its.key, { flags: its, pairs: [pair] });
      else same.pairs.push(pair);
    },
  });
  const outcomes = await Promise.all(
    [...byKey.values()].map(({ flags, pairs }) => storeFlags({ flags: group.flags, pairs }, flags, context)),
  );
  return {
    stored: outcomes.flatMap(({ stored }) => stored),
    retry: outcomes.some(({ retry }) => retry),
    failed: outcomes.some(({ failed }) => failed),
  };
}

/** Sends `flags`, which are those of the group, or what the server may take of them. */
async function storeFlags(group: StoreGroup, flags: FlagSet, context: ExecuteContext): Promise<StoreOutcome> {
  const { session, side, log, permanentFlags } = context;
  const kept = keptFlags(flags, permanentFlags);
  const uids = UidSet.of(group.pairs.map((pair) => uidOf(pair, side)));
  const { reported, refused } = context.readOnly
    ? { reported: UidSet.empty, refused: UidSet.empty }
    : await session.store(uids, flags, context.unchangedSince);
  // A mailbox that keeps only some flags reports a change without saying what it left out.
  const certain = kept === flags ? reported : UidSet.empty;
  const enough = new Set([flags.key, ...(losesKeywordsOnly(flags, kept) ? [kept.key] : [])]);
  const { equal, different } = await verify(session, uids.subtract(certain).subtract(refused), enough);
  const done = certain.union(equal);
  if (!reported.isEmpty) log.info(`Updated flags (${flagText(flags)}) for UID ${reported}`);
  if (!refused.isEmpty) log.info(`Couldn't update flags (${flagText(flags)}) for UID ${refused}, will try again later`);
  if (!different.isEmpty) log.warn(`${refusal(context)} store flags (${flagText(flags)}) for UID ${different}`);
  const pairs = group.pairs.filter((pair) => done.has(uidOf(pair, side)));
  return {
    stored: [{ flags: group.flags, kept, pairs }],
    retry: !refused.isEmpty,
    failed: !different.isEmpty,
  };
}

function refusal({ readOnly }: ExecuteContext): string {
  return readOnly ? "The mailbox may only be read: couldn't" : "The server did not";
}

function isKeyword(flag: string): boolean {
  return !flag.startsWith("\\");
}

/** A keyword that a mailbox cannot hold stays where it is; a system flag that it does not take is a refusal. */
function losesKeywordsOnly(flags: FlagSet, kept: FlagSet): boolean {
  return flags.flags.every((flag) => kept.flags.includes(flag) || !flag.startsWith("\\"));
}

/** Messages for which the server reported nothing, or not enough: those that have one of the sets of flags, and others. */
async function verify(
  session: MailboxSession,
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
