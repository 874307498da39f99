// What goes into and comes out of the methods of a session. Types only.

import type { FetchItems, StatusItems, UidSet } from "../protocol/mod.ts";
import type { BodyReceiver } from "./request.ts";

/** One line of LIST, with the STATUS that came for it. Names are the server's. */
export interface ListEntry {
  readonly mailbox: string;
  readonly delimiter: string | null;
  /** Lower case, with the backslash. */
  readonly attributes: readonly string[];
  readonly status: StatusItems | null;
}

/** UIDs of appended messages; ascending is the order in which they were given. */
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
