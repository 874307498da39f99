// What can be asked of mailboxes that are not selected: which there are (RFC 9051 6.3.9, 5258, 5819), what separates the
// parts of their names, and how large a message each takes (RFC 7889). For Session, whose methods these are.

import { ProtocolError } from "../errors.ts";
import { list, status, type StatusItems } from "../protocol/mod.ts";
import { bound, MAX_LISTED } from "./bounds.ts";
import type { Session } from "./session.ts";
import type { ListEntry, ListSelection } from "./session_types.ts";

/** See `Session.list()`. */
export async function listMailboxes(
  session: Session,
  patterns: readonly string[],
  statusItems: readonly string[],
  { reference = "", selection = [] }: ListSelection,
): Promise<readonly ListEntry[]> {
  const { component } = session;
  const entries: ListEntry[] = [];
  const statuses = new Map<string, StatusItems>();
  const specialUse = session.capabilities.has("SPECIAL-USE");
  await session.run(list(reference, patterns, { subscribed: true, specialUse, status: statusItems, selection }), {
    claim: (data) => {
      if (data.kind === "mailbox-status") statuses.set(data.mailbox, data.items);
      else if (data.kind !== "list") return false;
      else {
        const { mailbox, delimiter, attributes } = data;
        entries.push({ mailbox, delimiter, attributes, status: null });
      }
      bound(Math.max(entries.length, statuses.size), MAX_LISTED, "mailboxes", component);
      return true;
    },
  });
  const listed = entries.map((entry) => ({ ...entry, status: statuses.get(entry.mailbox) ?? null }));
  if (session.listener === null) return listed;
  // Of a mailbox that was not asked for the server tells unasked (RFC 5465 5).
  for (const { mailbox } of listed) statuses.delete(mailbox);
  for (const [mailbox, items] of statuses) session.listener.news({ kind: "mailbox-status", mailbox, items });
  return listed;
}

/** See `Session.listDelimiter()`. */
export async function findDelimiter(session: Session, reference: string): Promise<string | null> {
  const delimiters: (string | null)[] = [];
  await session.run(list(reference, [""], null), {
    claim: (data) => {
      if (data.kind !== "list") return false;
      delimiters.push(data.delimiter);
      return true;
    },
  });
  const [delimiter] = delimiters;
  if (delimiters.length !== 1 || delimiter === undefined) {
    const text = "Missing or unexpected (unsolicited) LIST response.";
    throw new ProtocolError(text, { component: session.component });
  }
  return delimiter;
}

/** See `Session.appendLimit()`. */
export async function findAppendLimit(session: Session, mailbox: string): Promise<number | null> {
  const limit = session.capabilities.appendLimit;
  if (limit !== null || !session.capabilities.has("APPENDLIMIT")) return limit;
  let found: number | null = null;
  await session.run(status(mailbox, ["APPENDLIMIT"]), {
    claim: (data) => {
      if (data.kind !== "mailbox-status" || data.mailbox !== mailbox) return false;
      found = data.items.appendLimit;
      return true;
    },
  });
  return found;
}
