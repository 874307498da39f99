// What goes into and comes out of the methods of a session. Types only.

import type { FetchItems, InternalDate, ModSeq, StatusItems, UidSet } from "../protocol/mod.ts";
import type { BodyReceiver } from "./request.ts";

/** One line of LIST, with the STATUS that came for it. Names are the server's. */
export interface ListEntry {
  readonly mailbox: string;
  readonly delimiter: string | null;
  /** Lower case, with the backslash. */
  readonly attributes: readonly string[];
  readonly status: StatusItems | null;
}

/** Parameters of the QRESYNC SELECT (RFC 7162 3.2.5). */
export interface Resync {
  readonly uidValidity: number;
  readonly modSeq: ModSeq;
  readonly knownUids: UidSet;
  readonly sample: { readonly seqs: UidSet; readonly uids: UidSet } | null;
}

export interface AppendMessage {
  readonly flags: readonly string[];
  readonly internalDate: InternalDate;
  /** The message, or its length when it is streamed. */
  readonly body: Uint8Array | number;
}

/** UIDs of appended messages in the order in which they were given; null: the server did not say. */
export interface Appended {
  readonly uidValidity: number;
  readonly uids: UidSet;
}

export interface FetchHandler {
  /** A message without its body, or after it: everything that was said of it in one response. */
  readonly message?: (items: FetchItems) => void;
  readonly bodies?: Omit<BodyReceiver, "accepts">;
}

export interface Stored {
  /** Messages for which the server reported a new mod-sequence. */
  readonly reported: UidSet;
  /** Messages left alone because they changed meanwhile (RFC 7162 3.1.3). */
  readonly refused: UidSet;
}
