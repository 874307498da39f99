// What one side of a mailbox has become since its cursor: one flight of SELECT (QRESYNC ...) and UID SEARCH, then the
// proof that the answer adds up (RFC 7162 3.2.5, 3.2.10). The only reader of changes. Decides what may be believed, not
// what is done about it.

import type { SelectedMailbox, Session } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, MAX_UID, UidSet } from "../protocol/mod.ts";
import type { Cursor, Side, Store } from "../state/types.ts";
import { accounts } from "./accounting.ts";
import type { Observation } from "./model.ts";
import { MAX_SAMPLE_UIDS, sample } from "./sample.ts";

const EVERYTHING = UidSet.range(1, MAX_UID);
/** UIDs are named in messages up to this many octets. */
const SHOWN_OCTETS = 200;

export interface ObserveContext {
  readonly session: Session;
  readonly side: Side;
  readonly store: Store;
  readonly idx: number;
  /** The name on this server. */
  readonly mailbox: string;
  readonly log: Logger;
  /** False for what both copies are known to agree on: our own echoes. */
  readonly news: (uid: number, flags: FlagSet) => boolean;
}

/** What is known of one side before it is looked at. */
interface Known {
  readonly cursor: Cursor | null;
  /** Highest UID that is mapped or below UIDNEXT. */
  readonly highest: number;
  readonly unmapped: UidSet;
}

const REPAIR: readonly string[] = ["run `interimap --repair` for it; messages that are missing are copied back then"];

/** What a server says has gone and come; a claim until it is proven. */
type Claim = Pick<Observation, "vanished" | "arrived">;

/**
 * Selects the mailbox and observes it. The selection stays, and its UIDVALIDITY was seen in it.
 * @throws MailboxError when the mailbox cannot be synchronized, or its answers do not add up
 */
export async function observe(context: ObserveContext): Promise<Observation> {
  const { session, store, idx, side, mailbox } = context;
  const cursor = store.cursors(idx)?.[side] ?? null;
  const highest = Math.max((cursor?.uidNext ?? 0) - 1, store.highestPaired(idx)[side]);
  const known: Known = { cursor, highest, unmapped: store.unmapped(idx, side) };
  const resync = resyncParameters(context, known);
  const since = Math.max(cursor?.uidNext ?? 0, 1);
  const [selected, found] = await Promise.all([
    session.select(mailbox, resync, (uid, flags) => !known.unmapped.has(uid) && context.news(uid, flags)),
    session.search(UidSet.range(since, MAX_UID), { freeze: true }),
  ]);
  const highestModSeq = check(context, selected, cursor);
  const listed = resync === null && known.highest > 0 ? await listFlags(context, known, selected) : null;
  const arrived = found.subtract(store.pairedUids(idx, side, since)).subtract(known.unmapped);
  const claimed = selected.vanished.intersect(UidSet.range(1, known.highest));
  // New mail can lie below messages that an interrupted run has paired.
  for (const uid of selected.modified.keys()) if (arrived.has(uid)) selected.modified.delete(uid);
  const proven = await prove(context, known, { vanished: listed ?? claimed, arrived }, selected);
  return {
    uidValidity: selected.uidValidity ?? 0,
    uidNext: Math.max(selected.uidNext ?? 0, proven.arrived.last + 1, found.last + 1, cursor?.uidNext ?? 0, 1),
    highestModSeq,
    modified: selected.modified,
    permanentFlags: selected.permanentFlags,
    ...proven,
  };
}

function resyncParameters(context: ObserveContext, known: Known): Parameters<Session["select"]>[1] {
  const { cursor, highest, unmapped } = known;
  if (cursor === null || cursor.highestModSeq === 0n || highest < 1) return null;
  const { store, idx, side } = context;
  // The sample tells sequence numbers, which are only known when the pairs are exactly the messages of the mailbox.
  const exact = unmapped.isEmpty && highest < cursor.uidNext;
  return {
    uidValidity: cursor.uidValidity,
    modSeq: cursor.highestModSeq,
    knownUids: UidSet.range(1, highest),
    sample: exact ? sample(store.pairCount(idx), store.recentUids(idx, side, MAX_SAMPLE_UIDS)) : null,
  };
}

/** The mod-sequence of the selection. @throws MailboxError when the mailbox is unfit or not the one we know */
function check(context: ObserveContext, selected: SelectedMailbox, cursor: Cursor | null): bigint {
  const { side, mailbox } = context;
  const where = { component: side, mailbox };
  if (selected.uidNotSticky) throw new MailboxError(`Mailbox ${mailbox} does not support persistent UIDs.`, where);
  if (selected.noModSeq || selected.highestModSeq === null) {
    throw new MailboxError(`Mailbox ${mailbox} doesn't support MODSEQ.`, where);
  }
  const { uidValidity } = selected;
  if (uidValidity === null) throw new MailboxError(`The server did not tell the UIDVALIDITY of ${mailbox}`, where);
  if (cursor !== null && cursor.uidValidity !== uidValidity) {
    const text = `UIDVALIDITY changed! (${uidValidity} != ${cursor.uidValidity})  ` +
      `Need to invalidate the UID cache for ${mailbox}.`;
    throw new MailboxError(text, where);
  }
  if (cursor !== null && cursor.highestModSeq > selected.highestModSeq) {
    // Dovecot 2.3.19 after its index was lost: what changed meanwhile is not reported.
    const text = `HIGHESTMODSEQ went back from ${cursor.highestModSeq} to ${selected.highestModSeq}: ` +
      "the server has lost track of its changes. Nothing was changed in this mailbox.";
    throw new MailboxError(text, { ...where, hints: REPAIR });
  }
  const known = context.store.mailboxId(context.idx, side);
  if (known !== null && selected.mailboxId !== null && known !== selected.mailboxId) {
    // Cyrus 3.6 gives all mailboxes created in one second the same UIDVALIDITY: only MAILBOXID tells them apart.
    throw new MailboxError(`MAILBOXID changed! ${mailbox} is another mailbox now, with the same UIDVALIDITY.`, where);
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
 * known, less what is said to be gone, plus what is new must be what EXISTS says; if not, a full UID SEARCH decides, and
 * knowledge that a database of the original lacks is filled in.
 */
async function prove(
  context: ObserveContext,
  known: Known,
  claim: Claim,
  selected: SelectedMailbox,
): Promise<Claim> {
  const { store, idx, side, session, mailbox, log } = context;
  const gone = store.pairsTouching(idx, side, claim.vanished).length;
  const census = {
    known: store.pairCount(idx) + known.unmapped.size,
    knownVanished: gone + known.unmapped.intersect(claim.vanished).size,
    arrived: claim.arrived.size,
    exists: selected.exists,
  };
  if (accounts(census)) {
    forgetUnmapped(context, known.unmapped.intersect(claim.vanished));
    return claim;
  }
  log.debug(`${mailbox}: ${JSON.stringify(census)} does not add up; asking for all UIDs`);
  return believeListing(context, known, claim, await session.search(EVERYTHING));
}

/** What a listing of all UIDs leaves of the claim. @throws MailboxError when messages are missing without a word */
function believeListing(context: ObserveContext, known: Known, claim: Claim, existing: UidSet): Claim {
  const { store, idx, side, mailbox, log } = context;
  const paired = store.pairedUids(idx, side, 1);
  const missing = paired.subtract(existing);
  const unreported = missing.subtract(claim.vanished);
  if (!unreported.isEmpty) {
    throw new MailboxError(
      `The server's answer does not add up: ${unreported.size} message(s) are missing (UID ${brief(unreported)}) ` +
        "that it did not report as expunged. Nothing was changed in this mailbox.",
      { component: side, mailbox, hints: REPAIR },
    );
  }
  const alive = claim.vanished.intersect(paired).subtract(missing);
  if (!alive.isEmpty) log.warn(`The server reported UID(s) ${brief(alive)} as vanished that exist. Ignoring.`);
  // The original may have mapped what we had recorded as left.
  forgetUnmapped(context, known.unmapped.subtract(existing).union(known.unmapped.intersect(paired)));
  const unknown = existing.subtract(paired).subtract(known.unmapped);
  const below = UidSet.range(1, (known.cursor?.uidNext ?? 0) - 1);
  const left = unknown.intersect(below);
  if (!left.isEmpty) {
    log.debug(`${mailbox}: UID(s) ${brief(left)} have no copy; left alone`);
    store.apply([{ kind: "unmapped", idx, side, uids: left, reason: "not mapped by an earlier run" }]);
  }
  return { vanished: missing, arrived: unknown.subtract(below) };
}

function forgetUnmapped(context: ObserveContext, uids: UidSet): void {
  if (uids.isEmpty) return;
  context.store.apply([{ kind: "forget-unmapped", idx: context.idx, side: context.side, uids }]);
}

function brief(uids: UidSet): string {
  const text = uids.toString();
  return text.length <= SHOWN_OCTETS ? text : `${text.slice(0, text.lastIndexOf(",", SHOWN_OCTETS))},...`;
}
