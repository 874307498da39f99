// One run: list and align the mailboxes, then synchronize those that changed, one after the other on one pair of
// sessions. A mailbox that fails is reported and the others go on. Decides which mailboxes are looked at and when the
// run counts as complete; knows no file, no process and no exit status.

import type { Session } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type StatusItems, toWire } from "../protocol/mod.ts";
import type { Cursor, MailboxOverview, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { synchronizeMailbox } from "./mailbox.ts";
import { alignMailboxes, type Listing, listMailboxes } from "./mailboxes.ts";

export interface RunContext {
  readonly sessions: BothSides<Session>;
  /** Mailboxes named by the user; empty: all. */
  readonly names: readonly string[];
  readonly log: Logger;
  /** Prepares the state file once the servers' delimiters are known. */
  readonly openStore: (delimiters: BothSides<string | null>) => Store;
}

export interface RunReport {
  /** Mailboxes that were left behind, in whole or in part; each was reported in the log. */
  readonly problems: number;
}

/** Synchronizes once. @throws InterimapError of scope session or program when the run cannot go on */
export async function runOnce(context: RunContext): Promise<RunReport> {
  const { sessions, names, log } = context;
  const listing = await listMailboxes(sessions, names, log);
  const unknown = unknownNames(names, listing);
  if (names.length > 0 && unknown.length === names.length) {
    throw new MailboxError(`No such mailbox on either server: ${unknown.join(" ")}`);
  }
  for (const name of unknown) log.error(`No such mailbox on either server: ${name}`);
  const store = context.openStore(listing.delimiters);
  const aligned = await alignMailboxes(sessions, listing, store, log);
  let problems = listing.problems + unknown.length + aligned.problems;
  const worker = new Worker(sessions, listing, store, log);
  for (const row of inOrder(store.overview())) {
    if (!aligned.ready.has(row.mailbox) || !needsLook(row, listing)) continue;
    if (!(await worker.synchronize(row))) problems++;
  }
  return { problems };
}

/** Owns one pair of sessions and works on one mailbox at a time. */
class Worker {
  readonly #sessions: BothSides<Session>;
  readonly #listing: Listing;
  readonly #store: Store;
  readonly #log: Logger;

  constructor(sessions: BothSides<Session>, listing: Listing, store: Store, log: Logger) {
    this.#sessions = sessions;
    this.#listing = listing;
    this.#store = store;
    this.#log = log;
  }

  /** False when something was left behind. */
  async synchronize(row: MailboxOverview): Promise<boolean> {
    const sessions = this.#sessions;
    const store = this.#store;
    const log = this.#log;
    const { delimiters } = this.#listing;
    const names = { local: toWire(row.mailbox, delimiters.local), remote: toWire(row.mailbox, delimiters.remote) };
    if (row.interrupted) log.notice(`Resuming interrupted sync for ${names.local}`);
    try {
      return await synchronizeMailbox({ sessions, store, idx: row.idx, names, log });
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      const { component, mailbox } = error;
      log.with({ ...(component === null ? {} : { component }), ...(mailbox === null ? {} : { mailbox }) })
        .error([error.message, ...error.hints].join("; "));
      return false;
    }
  }
}

/** Names without wildcards that neither server listed. */
function unknownNames(names: readonly string[], listing: Listing): readonly string[] {
  const known = new Set<string>();
  for (const side of SIDES) {
    for (const { mailbox, exists } of listing.mailboxes[side].values()) {
      if (exists) known.add(toWire(mailbox, listing.delimiters.local));
    }
  }
  return names.filter((name) => (/[*%]/.test(name) ? known.size === 0 : !known.has(name)));
}

/** INBOX first, then by name. */
function inOrder(rows: readonly MailboxOverview[]): readonly MailboxOverview[] {
  return rows.toSorted((a, b) => Number(b.mailbox === "INBOX") - Number(a.mailbox === "INBOX"));
}

/** Whether anything may have happened in a mailbox since its cursors. */
function needsLook(row: MailboxOverview, listing: Listing): boolean {
  const { cursors } = row;
  if (cursors === null || row.interrupted) return true;
  return SIDES.some((side) => isDirty(cursors[side], listing.mailboxes[side].get(row.mailbox)?.status ?? null));
}

function isDirty(cursor: Cursor, status: StatusItems | null): boolean {
  return status === null || status.uidValidity !== cursor.uidValidity || status.uidNext !== cursor.uidNext ||
    status.highestModSeq !== cursor.highestModSeq;
}
