// --rename SOURCE DEST on the targets. Decides nothing about mail.

import { renameMailbox, type RunReport } from "../sync/mod.ts";
import type { Target } from "./args.ts";
import { type ServerOptions, withServers } from "./sessions.ts";

export interface RenameOptions extends ServerOptions {
  /** SOURCE and DEST. */
  readonly mailboxes: readonly string[];
  readonly targets: ReadonlySet<Target>;
}

/** Renames a mailbox with what is below it. @throws InterimapError when something was refused */
export async function renameCommand(options: RenameOptions): Promise<RunReport> {
  const { mailboxes: [from = "", to = ""], targets, log } = options;
  const problems = await withServers(options, (servers) => renameMailbox(from, to, { ...servers, targets, log }));
  return { problems, held: 0 };
}
