// The door of lib/client: sessions with one IMAP server.

export { type Opened, type OpenOptions, openSession, requireCapabilities } from "./open.ts";
export type { KeepFlags, SelectedMailbox } from "./selected.ts";
export {
  type Appended,
  type AppendMessage,
  type FetchHandler,
  type ListEntry,
  type Resync,
  Session,
  type Stored,
} from "./session.ts";
