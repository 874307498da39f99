// What goes into and comes out of the methods of a session. Types only.

import type { Data, FetchItems, StatusItems, UidSet } from "../protocol/mod.ts";
import type { BodyReceiver } from "./request.ts";

/** One line of LIST, with the STATUS that came for it. Names are the server's. */
export interface ListEntry {
  readonly mailbox: string;
  readonly delimiter: string | null;
  /** Lower case, with the backslash. */
  readonly attributes: readonly string[];
  readonly status: StatusItems | null;
}

/** What LIST looks at besides patterns. */
export interface ListSelection {
  /** What the patterns are relative to; default "". */
  readonly reference?: string;
  /** Selection options of RFC 5258; default none. */
  readonly selection?: readonly string[];
}

/** UIDs of appended messages; ascending is the order in which they were given. */
export interface Appended {
  readonly uidValidity: number;
  readonly uids: UidSet;
}

/** One APPEND on its way. */
export interface Appending {
  readonly written: Promise<void>;
  /** Null when the server did not tell the UIDs. Rejects with CommandError when it refused. */
  readonly done: Promise<Appended | null>;
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

/** Is told what a server says unasked. Must not throw. */
export interface SessionListener {
  /** Untagged data that was for no command. */
  news(data: Data): void;
  /** The name of an untagged response code that has no other use. */
  code(name: string): void;
  /** The session is over; its error says why. */
  ended(): void;
}
