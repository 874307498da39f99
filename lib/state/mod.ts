// The door of this folder: opening the state file, and the port through which everybody else uses it.

export type { Database } from "./database.ts";
export { ConsentFile } from "./consent_file.ts";
export { openDatabase, prepareStore, storeAsItIs } from "./open.ts";
export { peekCursors } from "./peek.ts";
export type { Delimiters } from "./schema.ts";
export {
  distrustLogin,
  expectedCapabilities,
  forgetLogin,
  rememberCapabilities,
  rememberDelimiters,
  rememberedDelimiters,
  rememberSilentLeaver,
  silentLeavers,
} from "./servers.ts";
export type {
  AppendIntent,
  Consent,
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
