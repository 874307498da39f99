// Which mailboxes have their turn in a run, from what the lists say and what is stored. Pure.

import type { StatusItems } from "../protocol/types.ts";
import type { Cursor, MailboxOverview, Side } from "../state/types.ts";
import { type BothSides, SIDES } from "./model.ts";

/** What both servers told of their mailboxes, by internal name. */
export interface Statuses {
  readonly mailboxes: BothSides<ReadonlyMap<string, { readonly status: StatusItems | null }>>;
}

/** Whether anything may have happened in a mailbox since its cursors. */
export function isDirty(row: MailboxOverview, statuses: Statuses): boolean {
  const { cursors } = row;
  if (cursors === null || row.interrupted) return true;
  return SIDES.some((side) => isBehind(cursors[side], statusOf(row, side, statuses)));
}

/** Whether anything may have happened on one side since its cursor; null: nothing was told. */
export function isBehind(cursor: Cursor, status: StatusItems | null): boolean {
  return status === null || status.uidValidity !== cursor.uidValidity || status.uidNext !== cursor.uidNext ||
    status.highestModSeq !== cursor.highestModSeq;
}

/** Whether a mailbox holds another number of messages than are known: something went by unnoticed. */
export function isMiscounted(row: MailboxOverview, statuses: Statuses): boolean {
  return SIDES.some((side) => {
    const messages = statusOf(row, side, statuses)?.messages ?? null;
    return messages !== null && messages !== row.known[side];
  });
}

/** INBOX first, then what has most to be copied, then by name. */
export function inOrder(rows: readonly MailboxOverview[], statuses: Statuses): readonly MailboxOverview[] {
  const sizes = new Map(rows.map((row) => [row, newMessages(row, statuses)]));
  const isInbox = ({ mailbox }: MailboxOverview) => Number(mailbox === "INBOX");
  return rows.toSorted((a, b) => isInbox(b) - isInbox(a) || (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0));
}

function newMessages(row: MailboxOverview, statuses: Statuses): number {
  return Math.max(...SIDES.map((side) => newOn(row, side, statuses)));
}

function newOn(row: MailboxOverview, side: Side, statuses: Statuses): number {
  return Math.max(0, (statusOf(row, side, statuses)?.messages ?? 0) - row.known[side]);
}

/** What came to each side of these mailboxes together, as far as the lists tell. */
export function arrivedIn(rows: readonly MailboxOverview[], statuses: Statuses): BothSides<number> {
  const arrived = (side: Side) => rows.reduce((sum, row) => sum + newOn(row, side, statuses), 0);
  return { local: arrived("local"), remote: arrived("remote") };
}

/** How many messages are to be copied, as far as the lists tell. */
export function messagesToCopy(rows: readonly MailboxOverview[], { mailboxes }: Statuses): number {
  const known = new Map(rows.map((row) => [row.mailbox, row.known]));
  let total = 0;
  for (const side of SIDES) {
    for (const [mailbox, { status }] of mailboxes[side]) {
      total += Math.max(0, (status?.messages ?? 0) - (known.get(mailbox)?.[side] ?? 0));
    }
  }
  return total;
}

/** What a server has told of a mailbox; null: nothing. */
export function statusOf({ mailbox }: MailboxOverview, side: Side, { mailboxes }: Statuses): StatusItems | null {
  return mailboxes[side].get(mailbox)?.status ?? null;
}
