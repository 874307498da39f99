// The door of this folder: opening the state file, and the port through which everybody else uses it.

export type { Database } from "./database.ts";
export { openDatabase, prepareStore } from "./open.ts";
export type { Delimiters } from "./schema.ts";
export type {
  AppendIntent,
  Cursor,
  Cursors,
  IntendedMessage,
  MailboxOverview,
  MailboxRow,
  Pair,
  Side,
  StateChange,
  Store,
} from "./types.ts";
