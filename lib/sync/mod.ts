// The door of lib/sync: one run over two sessions and a store.

export { type RunContext, runOnce, type RunReport } from "./engine.ts";
export { checkDeletable, deleteMailboxes, renameMailbox } from "./mailbox_commands.ts";
export type { MailboxView } from "./listing.ts";
