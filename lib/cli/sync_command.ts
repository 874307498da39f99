// The default command, and --repair: synchronizes the mailboxes once. Decides nothing about mail.

import { runOnce, type RunReport } from "../sync/mod.ts";
import { type ServerOptions, withServers } from "./sessions.ts";

export interface SyncOptions extends ServerOptions {
  readonly mailboxes: readonly string[];
  /** Compare every message with its copy first. */
  readonly repair: boolean;
}

/** Synchronizes once. @throws InterimapError when the run could not be finished */
export async function synchronize(options: SyncOptions): Promise<RunReport> {
  const { mailboxes, log, repair } = options;
  return await withServers(options, (servers) => runOnce({ ...servers, names: mailboxes, log, repair }));
}
