// What one side of a mailbox has become since its cursor: one flight of SELECT (QRESYNC ...) and UID SEARCH, then the
// proof that the answer adds up (RFC 7162 3.2.5, 3.2.10). The only reader of changes. Decides when the server has to be
// asked for everything; what that shows proof.ts weighs, what is done about it others decide.

import type { MailboxSession, SelectedMailbox } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, MAX_UID, type ModSeq, UidSet } from "../protocol/mod.ts";
import type { Cursor, Side, Store } from "../state/types.ts";
import { accounts } from "./accounting.ts";
import type { Sizes } from "./sizes.ts";
import type { Observation } from "./model.ts";
import { canResync, type Known, knownOf, resyncParameters } from "./known.ts";
import { brief, doubtIn, type Finding, provenMissing, weigh } from "./proof.ts";
import { keptBy } from "./read_only.ts";
import { RenumberedError } from "./renumbered_error.ts";
import { type LookBefore, see } from "./sight.ts";

const EVERYTHING = UidSet.range(1, MAX_UID);

/** What is asked of the state, and told it, about the mailbox that is looked at. */
export type ObservedState = Pick<
  Store,
  | "cursors"
  | "pairCount"
  | "highestPaired"
  | "pairsTouching"
  | "pairedUids"
  | "recentUids"
  | "unmapped"
  | "mailboxId"
  | "apply"
>;

export interface ObserveContext {
  readonly session: MailboxSession;
  readonly side: Side;
  readonly store: ObservedState;
  readonly idx: number;
  /** The name on this server. */
  readonly mailbox: string;
  readonly log: Logger;
  /** False for what both copies are known to agree on: our own echoes. */
  readonly news: (uid: number, flags: FlagSet) => boolean;
  /** List every UID, whatever the server says. */
  readonly whole: boolean;
  /** A look that was sent already. */
  readonly early: LookBefore | null;
}

/** An observation, and what made the server's word doubtful; null: nothing. */
export interface Observed extends Observation {
  readonly doubt: string | null;
  /** Every UID that there was in this selection; null: only the new ones were asked for. */
  readonly present: UidSet | null;
  /** Of all messages that have arrived, and maybe others, read in the same flight; null: they were not read. */
  readonly sizes: Sizes | null;
}

/** One look at the mailbox. */
interface Look {
  readonly known: Known;
  readonly selected: SelectedMailbox;
  readonly highestModSeq: ModSeq;
  /** What the server says is gone, and what it shows as new: a claim until it is proven. */
  readonly claimed: UidSet;
  readonly arrived: UidSet;
  readonly lastFound: number;
  /** What the answer to the SEARCH listed, when it was for all UIDs. */
  readonly present: UidSet | null;
  readonly sizes: Sizes | null;
  /** What a listing of all UIDs shows; null: everything added up without. */
  readonly finding: Finding | null;
  readonly doubt: string | null;
}

const REPAIR: readonly string[] = ["run `interimap --repair` for it; messages that are missing are copied back then"];

/**
 * Selects the mailbox and observes it. The selection stays, and its UIDVALIDITY was seen in it. A server whose answers do
 * not add up is asked once more, for somebody may have been at work meanwhile; if they still do not, what is missing from
 * both listings is gone, and no flags that were reported mean anything.
 * @throws MailboxError when the mailbox cannot be synchronized, or its answers contradict themselves; RenumberedError
 *   when it is another one
 */
export async function observe(context: ObserveContext): Promise<Observed> {
  const first = await look(context, context.whole);
  if (first.doubt === null) return settle(context, first, null);
  context.log.debug(`${first.doubt}; asking again`);
  const second = await look({ ...context, early: null }, true);
  const doubt = second.doubt ?? (wentBack(first) ? first.doubt : null);
  return doubt === null ? settle(context, second, null) : settle(context, { ...second, doubt }, first.finding);
}

/** The same state, with nothing new in it. */
export function quiet(observation: Observed): Observed {
  return {
    ...observation,
    vanished: UidSet.empty,
    modified: new Map(),
    arrived: UidSet.empty,
    doubt: null,
    present: null,
    sizes: null,
  };
}

async function look(context: ObserveContext, whole: boolean): Promise<Look> {
  const { session, store, idx, side, mailbox } = context;
  const known = knownOf(store, { idx, side, hasEsearch: session.capabilities.has("ESEARCH"), whole });
  const { cursor, since, all } = known;
  const isNews = (uid: number, flags: FlagSet) => !known.unmapped.has(uid) && context.news(uid, flags);
  // Without waiting when there is none: who asks for more in the same turn wants it to go out behind the SELECT.
  const early = context.early === null ? null : await context.early.take(cursor, all);
  early?.selected.modified.forEach((flags, uid, modified) => {
    if (!isNews(uid, flags)) modified.delete(uid);
  });
  const { selected, found, sizes } = early ??
    await see(session, mailbox, { resync: resyncParameters(store, idx, side, known), from: all ? 1 : since, isNews });
  const highestModSeq = check(context, selected, cursor);
  const listed = !canResync(known) && known.highest > 0 ? await listFlags(context, known, selected) : null;
  const reported = { known, selected, highestModSeq };
  // A server that counts from anew reports nothing; what it might name means nothing.
  const claimed = wentBack(reported)
    ? UidSet.empty
    : listed ?? selected.vanished.intersect(UidSet.range(1, known.highest));
  const unpaired = found.subtract(store.pairedUids(idx, side, since)).subtract(known.unmapped);
  const arrived = unpaired.intersect(UidSet.range(since, MAX_UID));
  return await prove(
    context,
    { ...reported, claimed, arrived, lastFound: found.last, present: all ? found : null, sizes },
    whole ? found : null,
  );
}

/** Dovecot 2.3.19 after its index was lost: what changed meanwhile is not reported. */
function wentBack({ known, highestModSeq }: Pick<Look, "known" | "highestModSeq">): boolean {
  const { cursor } = known;
  return cursor !== null && cursor.highestModSeq > highestModSeq;
}

/** The mod-sequence of the selection. @throws MailboxError when the mailbox is unfit or not the one we know */
function check(context: ObserveContext, selected: SelectedMailbox, cursor: Cursor | null): ModSeq {
  const { side, mailbox } = context;
  const where = { component: side, mailbox };
  if (selected.uidNotSticky) throw new MailboxError(`Mailbox ${mailbox} does not support persistent UIDs.`, where);
  if (selected.noModSeq || selected.highestModSeq === null) {
    throw new MailboxError(`Mailbox ${mailbox} doesn't support MODSEQ.`, where);
  }
  const { uidValidity } = selected;
  if (uidValidity === null) throw new MailboxError(`The server did not tell the UIDVALIDITY of ${mailbox}`, where);
  if (cursor !== null && cursor.uidValidity !== uidValidity) {
    throw new RenumberedError(`UIDVALIDITY changed! (${uidValidity} != ${cursor.uidValidity})`, where);
  }
  const known = context.store.mailboxId(context.idx, side);
  if (known !== null && selected.mailboxId !== null && known !== selected.mailboxId) {
    // Cyrus 3.6 gives all mailboxes created in one second the same UIDVALIDITY: only MAILBOXID tells them apart.
    throw new RenumberedError(`MAILBOXID changed! (${selected.mailboxId} != ${known})`, where);
  }
  if (cursor !== null && selected.uidNext !== null && cursor.uidNext > selected.uidNext) {
    // As after the restoration of an old backup: what is missing was not expunged, and new mail gets the UIDs of lost one.
    const text = `UIDNEXT went back from ${cursor.uidNext} to ${selected.uidNext}: the server has lost messages, and ` +
      "gives their UIDs to others. Nothing was changed in this mailbox.";
    throw new MailboxError(text, { ...where, hints: REPAIR });
  }
  if (known === null && selected.mailboxId !== null) {
    context.store.apply([{ kind: "identity", idx: context.idx, side, mailboxId: selected.mailboxId }]);
  }
  return selected.highestModSeq;
}

/**
 * For pairs without a mod-sequence to start from (a first run was interrupted): the flags of all, and the mapped
 * messages that are not there.
 */
async function listFlags(context: ObserveContext, known: Known, selected: SelectedMailbox): Promise<UidSet> {
  const { session, store, idx, side } = context;
  const paired = store.pairedUids(idx, side, 1);
  const present: number[] = [];
  await session.fetch(UidSet.range(1, known.highest), "(UID FLAGS)", {
    message: ({ uid, flags }) => {
      if (uid === null || flags === null || !paired.has(uid)) return;
      present.push(uid);
      if (context.news(uid, flags)) selected.modified.set(uid, flags);
    },
  });
  return paired.subtract(UidSet.of(present));
}

/**
 * VANISHED is a claim: servers have named messages that exist, and have forgotten to name those that do not. What is
 * known, less what is said to be gone, plus what is new must be what EXISTS says; if not, a listing of all UIDs decides.
 */
async function prove(
  context: ObserveContext,
  said: Omit<Look, "finding" | "doubt">,
  listing: UidSet | null,
): Promise<Look> {
  const { store, idx, side, session, mailbox, log } = context;
  const { known, selected, highestModSeq, claimed, arrived } = said;
  const lost = wentBack(said)
    ? `HIGHESTMODSEQ went back from ${known.cursor?.highestModSeq} to ${highestModSeq}: ` +
      "the server has lost track of its changes"
    : selected.unattributed
    ? "The server reported changed flags without a UID"
    : null;
  if (lost === null && listing === null) {
    const census = {
      known: store.pairCount(idx) + known.unmapped.size,
      knownVanished: store.pairsTouching(idx, side, claimed).length + known.unmapped.intersect(claimed).size,
      arrived: arrived.size,
      exists: selected.exists,
    };
    if (accounts(census)) return { ...said, finding: null, doubt: null };
    log.debug(`${mailbox}: ${JSON.stringify(census)} does not add up; asking for all UIDs`);
  }
  const finding = weigh({
    paired: store.pairedUids(idx, side, 1),
    unmapped: known.unmapped,
    since: known.cursor?.uidNext ?? 0,
    claimed,
    listed: listing ?? await session.search(EVERYTHING),
    exists: selected.exists,
  });
  return { ...said, finding, doubt: lost ?? doubtIn(finding) };
}

/** What may be believed after one look, or after two: `before` is then the listing of the first. Fills in knowledge. */
function settle(context: ObserveContext, look: Look, before: Finding | null): Observed {
  const { store, idx, side, mailbox, log } = context;
  const { known, selected, finding, doubt } = look;
  if (before !== null && finding !== null && finding.miscounted && !finding.unreported.isEmpty) {
    throw new MailboxError(`${doubt}. Nothing was changed in this mailbox.`, {
      component: side,
      mailbox,
      hints: REPAIR,
    });
  }
  const settled = finding?.settled ?? known.unmapped.intersect(look.claimed);
  const forgotten = before === null ? settled : settled.intersect(before.settled);
  if (!forgotten.isEmpty) store.apply([{ kind: "forget-unmapped", idx, side, uids: forgotten }]);
  const passedOver = finding?.passedOver ?? UidSet.empty;
  if (!passedOver.isEmpty) {
    log.debug(`${mailbox}: UID(s) ${brief(passedOver)} have no copy; left alone`);
    store.apply([{ kind: "unmapped", idx, side, uids: passedOver, reason: "not mapped by an earlier run" }]);
  }
  const missing = before === null || finding === null ? finding?.missing : provenMissing(before, finding);
  const arrived = finding?.arrived ?? look.arrived;
  // New mail can lie below messages that an interrupted run has paired.
  for (const uid of selected.modified.keys()) if (arrived.has(uid)) selected.modified.delete(uid);
  return {
    uidValidity: selected.uidValidity ?? 0,
    uidNext: Math.max(selected.uidNext ?? 0, arrived.last + 1, look.lastFound + 1, known.cursor?.uidNext ?? 0, 1),
    highestModSeq: look.highestModSeq,
    vanished: missing ?? look.claimed,
    modified: selected.modified,
    arrived,
    permanentFlags: keptBy(selected),
    readOnly: selected.readOnly,
    doubt,
    present: look.present,
    sizes: look.sizes,
  };
}
