// The door of lib/sync: one run over two sessions and a store, and many of them.

export { isTemporary, retryDelay } from "./backoff.ts";
export { DEFAULT_LIMIT, type DeleteLimit } from "./brake.ts";
export { type RunContext, runOnce, type RunReport } from "./engine.ts";
export { Foresight, type ForesightContext } from "./foresight.ts";
export type { FullCheckOptions } from "./full_checks.ts";
export { checkDeletable, deleteMailboxes, renameMailbox } from "./mailbox_commands.ts";
export type { BrakeOptions, ConsentPort } from "./run_brake.ts";
export type { MailboxView } from "./listing.ts";
export { Patience } from "./patience.ts";
export { type WatchContext, Watcher } from "./watcher.ts";
export type { MoreConnections } from "./worker.ts";
