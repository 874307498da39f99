// The door of lib/client: sessions with one IMAP server.

export { IdleWait } from "./idle.ts";
export { type Coverage, restartNotify, startNotify } from "./notify.ts";
export { type Opened, type OpenOptions, openSession, requireCapabilities } from "./open.ts";
export type { SelectedMailbox } from "./selected.ts";
export { type MailboxSession, Session } from "./session.ts";
export { probe } from "./probe.ts";
export type { Appended, Appending, FetchHandler, ListEntry, Stored } from "./session_types.ts";
