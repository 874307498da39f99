// The words in which one mailbox's synchronization is thought: what was observed, what is to be done, what was
// confirmed. Values only; nothing here decides or acts.

import type { FlagSet, ModSeq } from "../protocol/types.ts";
import type { UidSet } from "../protocol/uid_set.ts";
import type { Cursor, Cursors, Pair, Side } from "../state/types.ts";

export type { Cursor, Cursors, Pair, Side };

/** A value for each of the two servers. */
export type BothSides<T> = Readonly<Record<Side, T>>;

export const SIDES: readonly Side[] = ["local", "remote"];

export function otherSide(side: Side): Side {
  return side === "local" ? "remote" : "local";
}

export function uidOf(pair: Pair, side: Side): number {
  return side === "local" ? pair.localUid : pair.remoteUid;
}

/**
 * What one side has become since the cursor. Everything up to `highestModSeq` (a value received in the selection
 * that produced this) is contained in it.
 */
export interface Observation {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: ModSeq;
  /** UIDs that are gone. May name UIDs that were never known (RFC 7162 3.2.5.1); may be huge ranges. */
  readonly vanished: UidSet;
  /** Known messages whose flags changed, with their flags now. Messages that do not exist any more may be in it. */
  readonly modified: ReadonlyMap<number, FlagSet>;
  /** Messages that are not mapped and have to be copied. */
  readonly arrived: UidSet;
  /** The flags that this mailbox keeps, "\\*" for any keyword; null: it is not known, any may be there (read_only.ts). */
  readonly permanentFlags: readonly string[] | null;
  /** The server lets nothing be changed here. */
  readonly readOnly: boolean;
}

/** Flags that both copies of a pair are known to have had at some moment of this run. Looked up by local UID. */
export interface Agreements {
  get(localUid: number): FlagSet | null;
}

export interface PlanInput {
  readonly local: Observation;
  readonly remote: Observation;
  /** Every pair that has its UID among the vanished or the modified of either side. */
  readonly pairs: readonly Pair[];
  readonly agreed: Agreements;
  /** By UID, flags that the other side's mailbox has no room for: a change there does not take them away. */
  readonly held?: BothSides<ReadonlyMap<number, FlagSet>>;
}

/** One STORE: all these messages get exactly these flags. */
export interface StoreGroup {
  readonly flags: FlagSet;
  readonly pairs: readonly Pair[];
}

/** What is to be done to the messages of one side. */
export interface SidePlan {
  /** Pairs whose other copy is gone: this side's copy is to be expunged. Ascending by this side's UID. */
  readonly expunge: readonly Pair[];
  /** Ascending by flag key; the pairs ascending by this side's UID. */
  readonly stores: readonly StoreGroup[];
}

export interface Plan {
  readonly local: SidePlan;
  readonly remote: SidePlan;
  /** Pairs of which both copies are gone. */
  readonly forget: readonly Pair[];
  /** Remote UIDs to copy to local, local UIDs to copy to remote. */
  readonly pull: UidSet;
  readonly push: UidSet;
  readonly notes: readonly Note[];
}

/** Things the user is told about. */
export type Note =
  | {
    readonly kind: "conflict";
    readonly pair: Pair;
    readonly local: FlagSet;
    readonly remote: FlagSet;
    readonly union: FlagSet;
  }
  /** Vanished UIDs below the cursor's UIDNEXT that no pair knows. */
  | { readonly kind: "unmatched-vanished"; readonly side: Side; readonly uids: UidSet }
  | { readonly kind: "unmatched-modified"; readonly side: Side; readonly uid: number };

/** One mailbox as a server listed it. */
export interface ListedMailbox {
  /** Internal name (delimiter as NUL). */
  readonly mailbox: string;
  /** Selectable: not \NonExistent, not \NoSelect, and STATUS was answered for it. */
  readonly exists: boolean;
  readonly subscribed: boolean;
}

/** What the comparison of two LISTs and the rows asks for, one step for each mailbox. */
export type MailboxStep =
  /** Nothing to do but to look for changes of messages. */
  | { readonly kind: "known"; readonly mailbox: string; readonly idx: number }
  /** On both servers and not in the database. `subscribe`: the side that lacks the subscription. */
  | {
    readonly kind: "adopt";
    readonly mailbox: string;
    readonly subscribed: boolean;
    readonly subscribe: Side | null;
  }
  /** On one server only and not in the database: create on `side`, subscribe there when `subscribed`. */
  | { readonly kind: "create"; readonly mailbox: string; readonly side: Side; readonly subscribed: boolean }
  /** Subscription changed; `side` is to be changed to `subscribed` (null: both servers agree, only the row differs). */
  | {
    readonly kind: "subscription";
    readonly mailbox: string;
    readonly idx: number;
    readonly side: Side | null;
    readonly subscribed: boolean;
  }
  /** In the database, but gone from `missing`: stop this mailbox and say what to run. */
  | { readonly kind: "missing"; readonly mailbox: string; readonly idx: number; readonly missing: Side };
