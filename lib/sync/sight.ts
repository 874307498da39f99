// What SELECT and UID SEARCH show of a mailbox in one flight: the question that every look asks, now or behind changes.
// Decides whether all UIDs are asked for; what the answers mean others weigh.

import type { MailboxSession, SelectedMailbox } from "../client/mod.ts";
import { type FlagSet, MAX_UID, UidSet } from "../protocol/mod.ts";
import type { Cursor, Store } from "../state/types.ts";
import type { Sizes } from "./sizes.ts";

/** In a mailbox with no more messages all UIDs are asked for at once: that proves what is gone without another question. */
const MAX_LISTED = 20_000;

export interface Sight {
  readonly selected: SelectedMailbox;
  readonly found: UidSet;
  /** Of messages that are new, read in the same flight; null: they were not read. */
  readonly sizes: Sizes | null;
}

/** A look that was sent before anybody asked for it. */
export interface LookBefore {
  /** What it has shown, when it stands for a look from `cursor` (null: a first one), at all UIDs or at new ones; else null. */
  take(cursor: Cursor | null, all: boolean): Promise<Sight | null>;
}

export interface SightQuestion {
  readonly resync: Parameters<MailboxSession["select"]>[1];
  /** The lowest UID that is asked for. */
  readonly from: number;
  /** Which reported flags are kept. */
  readonly isNews: (uid: number, flags: FlagSet) => boolean;
}

/** Whether all UIDs of a mailbox are asked for whenever it is looked at. */
export function listsAll(store: Pick<Store, "pairCount">, idx: number, hasEsearch: boolean): boolean {
  return hasEsearch && store.pairCount(idx) <= MAX_LISTED;
}

/** Sends both commands at once. */
export async function see(
  session: Pick<MailboxSession, "select" | "search">,
  mailbox: string,
  { resync, from, isNews }: SightQuestion,
): Promise<Sight> {
  const [selected, found] = await Promise.all([
    session.select(mailbox, resync, isNews),
    session.search(UidSet.range(from, MAX_UID), { freeze: true }),
  ]);
  return { selected, found, sizes: null };
}
