// --delete MAILBOX...: what can be refused without a server is refused before connecting. Decides nothing about mail.

import { checkDeletable, deleteMailboxes, type RunReport } from "../sync/mod.ts";
import type { Target } from "./args.ts";
import { type ServerOptions, withServers } from "./sessions.ts";

export interface DeleteOptions extends ServerOptions {
  readonly mailboxes: readonly string[];
  readonly targets: ReadonlySet<Target>;
}

/** Deletes mailboxes on the targets. @throws InterimapError when something was refused */
export async function deleteCommand(options: DeleteOptions): Promise<RunReport> {
  const { mailboxes, targets, log } = options;
  checkDeletable(mailboxes, targets);
  const problems = await withServers(options, (servers) => deleteMailboxes(mailboxes, { ...servers, targets, log }));
  return { problems, held: 0 };
}
