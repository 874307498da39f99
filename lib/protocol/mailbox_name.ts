// Mailbox names on the wire <-> inside the program, where NUL stands for the hierarchy delimiter (whichever the server
// has) and INBOX is in upper case. Names hold one character per octet; nothing is decoded (modified UTF-7 stays).
// Knows no server and no list-reference.

import { asciiUpper } from "../base/bytes.ts";
import { MailboxError } from "../errors.ts";

const INBOX = "INBOX";

/**
 * INBOX in any case becomes "INBOX" (RFC 9051 5.1). Only a whole name is folded: of "Inbox/x" the first part is left
 * as it is, because servers differ in whether it means INBOX.
 */
export function foldInbox(name: string): string {
  return name.length === INBOX.length && asciiUpper(name) === INBOX ? INBOX : name;
}

/** The name inside the program of a mailbox that a server calls `wire`. `delimiter` null: a flat namespace. */
export function toInternal(wire: string, delimiter: string | null): string {
  const name = foldInbox(wire);
  return delimiter === null ? name : name.replaceAll(delimiter, "\0");
}

/**
 * The name by which a server with this delimiter knows a mailbox.
 * @throws MailboxError when the namespace is flat and the name has a hierarchy
 */
export function toWire(internal: string, delimiter: string | null): string {
  if (!internal.includes("\0")) return internal;
  if (delimiter === null) {
    throw new MailboxError("Mailbox name contains null characters but the namespace is flat!", { mailbox: internal });
  }
  return internal.replaceAll("\0", () => delimiter);
}
