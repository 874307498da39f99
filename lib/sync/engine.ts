// One run: list and align the mailboxes, then synchronize those that changed, one after the other on one pair of
// sessions. A mailbox that fails is reported and the others go on. Decides which mailboxes are looked at and when the
// run counts as complete; knows no file, no process and no exit status.

import type { Session } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type StatusItems, toWire } from "../protocol/mod.ts";
import type { Cursor, MailboxOverview, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { type MailboxContext, synchronizeMailbox } from "./mailbox.ts";
import { completeListing, type Listing, listMailboxes, type MailboxView, WHOLE_VIEW } from "./listing.ts";
import { alignMailboxes } from "./mailboxes.ts";
import { serverName } from "./namespace.ts";
import { repairMailbox } from "./repair.ts";

export interface RunContext {
  readonly sessions: BothSides<Session>;
  /** Mailboxes named by the user; empty: all. */
  readonly names: readonly string[];
  /** Which part of the servers the configuration asks for; default everything. */
  readonly view?: MailboxView;
  readonly log: Logger;
  /** Compare every message with its copy first, and put right what ordinary runs do not see; default false. */
  readonly repair?: boolean;
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
  const listed = await listMailboxes(sessions, names, log, context.view ?? WHOLE_VIEW);
  const unknown = unknownNames(names, listed);
  const missing = `No such mailbox on either server${listed.selected === null ? "" : ", or not in list-select-opts"}`;
  if (names.length > 0 && unknown.length === names.length) throw new MailboxError(`${missing}: ${unknown.join(" ")}`);
  for (const name of unknown) log.error(`${missing}: ${name}`);
  const store = context.openStore(listed.delimiters);
  const listing = await completeListing(sessions, listed, store.overview(), log);
  const aligned = await alignMailboxes(sessions, listing, store, log);
  let problems = listing.problems + unknown.length + aligned.problems;
  const worker = new Worker(sessions, listing, store, log);
  for (const row of inOrder(store.overview())) {
    if (!aligned.ready.has(row.mailbox)) continue;
    if (context.repair === true) {
      if (!(await worker.repair(row))) problems++;
    } else if (needsLook(row, listing) && !(await worker.synchronize(row))) problems++;
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
  synchronize(row: MailboxOverview): Promise<boolean> {
    return this.#attempt(row, synchronizeMailbox);
  }

  /** As the original, leaves alone what was never synchronized. */
  async repair(row: MailboxOverview): Promise<boolean> {
    if (row.cursors === null && !row.interrupted) return true;
    return await this.#attempt(row, async (context) => {
      const repaired = await repairMailbox(context);
      return await synchronizeMailbox(context) && repaired;
    });
  }

  async #attempt(row: MailboxOverview, work: (context: MailboxContext) => Promise<boolean>): Promise<boolean> {
    const { delimiters, naming } = this.#listing;
    const log = this.#log;
    const names = { local: serverName(row.mailbox, naming.local), remote: serverName(row.mailbox, naming.remote) };
    if (row.interrupted) log.notice(`Resuming interrupted sync for ${toWire(row.mailbox, delimiters.local)}`);
    try {
      return await work({ sessions: this.#sessions, store: this.#store, idx: row.idx, names, log });
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
