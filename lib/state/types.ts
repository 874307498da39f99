// What the state file holds, as values, and the verbs by which the rest of the program reads and changes it.
// No SQL here, and no decision about mail.

import type { ModSeq } from "../protocol/types.ts";
import type { UidSet } from "../protocol/uid_set.ts";

export type Side = "local" | "remote";

/**
 * The last clean state of one side of a mailbox. Every message with UID < uidNext is mapped or deliberately left;
 * every change with a mod-sequence <= highestModSeq to messages below uidNext was propagated. Both are 0 before the
 * first synchronization is complete.
 */
export interface Cursor {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: ModSeq;
}

export interface Cursors {
  readonly local: Cursor;
  readonly remote: Cursor;
}

/** Mailboxes in which the user has confirmed the deletions that wait, by the names that commands take. */
export interface Consent {
  readonly all: boolean;
  readonly names: ReadonlySet<string>;
}

/** Two copies of one message. */
export interface Pair {
  readonly localUid: number;
  readonly remoteUid: number;
}

export interface MailboxRow {
  readonly idx: number;
  /** Internal name: hierarchy delimiter as NUL, INBOX in upper case, one character per octet. */
  readonly mailbox: string;
  readonly subscribed: boolean;
}

/** A mailbox row with what decides whether it has to be looked at. */
export interface MailboxOverview extends MailboxRow {
  /** null: never selected. */
  readonly cursors: Cursors | null;
  /** A run stopped in the middle: pairs at or above a UIDNEXT, or append intents, exist. */
  readonly interrupted: boolean;
  /** Number of messages that are known on each side: paired, or deliberately not. */
  readonly known: { readonly local: number; readonly remote: number };
  /** When every message was last compared with its copy, seconds since the epoch; null: not noted yet. */
  readonly comparedAt: number | null;
}

/** What is known of a message before it is appended: enough to find the copy again without the source. */
export interface IntendedMessage {
  readonly sourceUid: number;
  /** Length of the body in octets. */
  readonly octets: number;
  /** INTERNALDATE, seconds since the epoch. */
  readonly internalDate: number;
  /** Digest of the identifying header fields (hex). */
  readonly headerDigest: string;
  /**
   * When it was sent, seconds since the epoch, if internalDate is one that servers replace: Dovecot 2.3.19 puts its own
   * time in place of a date in the future, and a later one in place of one before 1902. Absent otherwise.
   */
  readonly sentAt?: number;
}

/** Messages of one side that are deliberately not mapped, for one reason. */
export interface UnmappedMessages {
  readonly idx: number;
  readonly side: Side;
  readonly uids: UidSet;
  readonly reason: string;
}

/** Written before an APPEND is sent, settled in the transaction that records its pairs. */
export interface AppendIntent {
  /** From Store.newIntentId(). */
  readonly id: number;
  readonly idx: number;
  readonly target: Side;
  readonly sourceUidValidity: number;
  readonly targetUidValidity: number;
  /** The copies, if made, have UIDs at or above this. */
  readonly targetUidNext: number;
  readonly messages: readonly IntendedMessage[];
}

export type StateChange =
  | { readonly kind: "cursor"; readonly idx: number; readonly side: Side; readonly cursor: Cursor }
  | { readonly kind: "pair"; readonly idx: number; readonly pairs: readonly Pair[] }
  | { readonly kind: "unpair"; readonly idx: number; readonly pairs: readonly Pair[] }
  /** Messages that exist below UIDNEXT and are deliberately not mapped, with the reason. */
  | ({ readonly kind: "unmapped" } & UnmappedMessages)
  | { readonly kind: "forget-unmapped"; readonly idx: number; readonly side: Side; readonly uids: UidSet }
  | { readonly kind: "intend"; readonly intent: AppendIntent }
  | { readonly kind: "settle"; readonly id: number }
  /** Counts the pairs anew: the original may have been stopped in the middle. */
  | { readonly kind: "recount"; readonly idx: number }
  /** Every message was compared with its copy; `at`: seconds since the epoch. */
  | { readonly kind: "compared"; readonly idx: number; readonly at: number }
  | { readonly kind: "subscribed"; readonly idx: number; readonly subscribed: boolean }
  /** Pairs and everything that is noted about the mailbox; its row and its cursors stay. */
  | { readonly kind: "forget-messages"; readonly idx: number }
  /** The row, its pairs and cursors, and everything that is noted about the mailbox. */
  | { readonly kind: "remove-mailbox"; readonly idx: number }
  /** The row only: its children are rows of their own. */
  | { readonly kind: "rename-mailbox"; readonly idx: number; readonly mailbox: string }
  /** Whether deletions on a side wait for the user, see `Store.isHeld()`. */
  | { readonly kind: "hold"; readonly idx: number; readonly side: Side; readonly held: boolean }
  /** MAILBOXID of RFC 8474. */
  | { readonly kind: "identity"; readonly idx: number; readonly side: Side; readonly mailboxId: string };

/** The state file, open and locked. Every method is synchronous; all throw StateError. */
export interface Store {
  /** Every mailbox row, ordered by name. One query, whatever their number. */
  overview(): readonly MailboxOverview[];
  /** Inserts a row and commits. */
  addMailbox(mailbox: string, subscribed: boolean): MailboxRow;
  cursors(idx: number): Cursors | null;
  /** Number of pairs of a mailbox. */
  pairCount(idx: number): number;
  /** Highest mapped UID of each side; 0 when there is none. */
  highestPaired(idx: number): { readonly local: number; readonly remote: number };
  /** Every pair whose UID on `side` is in `uids` (which may be huge ranges: never expanded). */
  pairsTouching(idx: number, side: Side, uids: UidSet): readonly Pair[];
  /** Mapped UIDs of one side at or above `from`. */
  pairedUids(idx: number, side: Side, from: number): UidSet;
  /** The highest mapped UIDs of one side, descending, at most `limit`. */
  recentUids(idx: number, side: Side, limit: number): readonly number[];
  unmapped(idx: number, side: Side): UidSet;
  /** Of all mailboxes, what is unmapped for a reason that begins so. */
  unmappedBecause(prefix: string): readonly UnmappedMessages[];
  mailboxId(idx: number, side: Side): string | null;
  /** Whether a run has left deletions on this side to the user's decision, which is still open. */
  isHeld(idx: number, side: Side): boolean;
  intents(idx: number): readonly AppendIntent[];
  newIntentId(): number;
  /** All of it in one transaction, or nothing. */
  apply(changes: readonly StateChange[]): void;
  close(): void;
}
