// The door of lib/client: sessions with one IMAP server.

export { type Opened, type OpenOptions, openSession, requireCapabilities } from "./open.ts";
export type { KeepFlags, SelectedMailbox } from "./selected.ts";
export { Session } from "./session.ts";
export type { Appended, FetchHandler, ListEntry, Stored } from "./session_types.ts";
